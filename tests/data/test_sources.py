import logging
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.data.makers import image, source, write, write_pairs
from tfdeblur.data import Augment, FolderSource, Pair, open_source, training_batches
from tfdeblur.data.readers import DecodingReader, MemoryReader
from tfdeblur.errors import DataError, InvalidInput


def test_what_a_source_tells(tmp_path):
    pairs = source(tmp_path, 3, 12, 16)
    assert pairs.count == 3 and pairs.names == ["p0", "p1", "p2"]
    np.testing.assert_array_equal(pairs.sizes, [[12, 16]] * 3)
    assert pairs.decoded_bytes == 3 * 2 * 12 * 16 * 3
    assert str(tmp_path) in pairs.describe() and "3 pairs" in pairs.describe()
    assert pairs.fingerprint == open_source(tmp_path).fingerprint


def test_memory_is_used_up_to_its_limit(tmp_path, caplog):
    need = source(tmp_path, 2).decoded_bytes
    assert isinstance(source(tmp_path, 2, cache_bytes=need).reader(), MemoryReader)
    with caplog.at_level(logging.INFO):
        assert isinstance(source(tmp_path, 2, cache_bytes=need - 1).reader(), DecodingReader)
    assert "pairs are decoded each time they are used" in caplog.text


def test_pairs_are_decoded_into_memory_once(tmp_path):
    pairs, calls = source(tmp_path, 4), []
    reader = pairs.reader(progress=lambda done, count: calls.append((done, count)))
    assert sorted(calls) == [(i, 4) for i in range(1, 5)]
    assert pairs.reader() is reader
    for index in range(4):
        np.testing.assert_array_equal(reader.frame(index), pairs.load(index))


def test_sixteen_bits_are_rounded_not_cut(tmp_path):
    deep = image(6, 7, dtype=np.uint16)
    path = write(tmp_path / "a.png", deep)
    pixels = FolderSource([Pair("a", path, path)]).load(0)
    np.testing.assert_array_equal(pixels[0], np.round(deep / 257))


def test_a_turned_photograph_is_upright(tmp_path):
    picture = np.zeros((8, 16, 3), np.uint8)
    picture[:, :8] = 255  # bright on the left
    path = write(tmp_path / "a.jpg", picture)
    data = path.read_bytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    pairs = FolderSource([Pair("a", path, path)])
    turned = pairs.reader().frame(0).numpy()[0]
    assert turned.shape == (16, 8, 3)
    assert turned[:8].mean() > 250 and turned[8:].mean() < 5  # a clockwise turn: bright on top


def test_files_that_break_after_the_search_are_named(tmp_path):
    pairs = source(tmp_path, 3)
    pairs.pairs[1].sharp.write_bytes(b"")
    write(pairs.pairs[2].blurred, image(3, 3))
    with pytest.raises(
        DataError, match=r"2 problems:\n.*p1.png is empty.*\n.*p2: blurred is 3 x 3"
    ):
        pairs.reader()
    with pytest.raises(InvalidInput, match="is empty"):
        pairs.load(1)
    with pytest.raises(DataError, match=r"The pairs cannot be read, 1 problem:\n.*gone.png cannot"):
        FolderSource([Pair("x", tmp_path / "gone.png", tmp_path / "gone.png")])
    with pytest.raises(ValueError, match="`pairs` must hold at least one pair"):
        FolderSource([])


def test_a_size_that_changes_after_the_search_is_named(tmp_path):
    pairs = source(tmp_path, 1)
    write_pairs(tmp_path, ["p0"], 5, 5)
    with pytest.raises(DataError, match=r"pair 0 decodes to shape \(2, 5, 5, 3\)"):
        pairs.reader()


def test_open_source_takes_folders_and_patterns(tmp_path):
    write_pairs(tmp_path / "train", ["v1-1", "v1-2", "v2-1"])
    pairs = open_source(str(tmp_path), "train", exclude=["v2*"], cache_bytes=7)
    assert pairs.names == ["v1-1", "v1-2"] and pairs.cache_bytes == 7
    assert open_source(tmp_path, only=["v2*"]).names == ["v2-1"]


def test_a_process_ends_well_while_pairs_are_being_decoded(tmp_path):
    write_pairs(tmp_path, ["a", "b"], 200, 200)
    code = (
        "from tfdeblur.data import *\n"
        f"s = FolderSource(find_pairs({str(tmp_path)!r}), cache_bytes=0)\n"
        "stream = iter(training_batches(s, augment=Augment(64), batch=4, seed=0))\n"
        "next(stream); raise SystemExit(7)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr


def test_a_pair_that_breaks_while_training_stops_it_with_its_name(tmp_path):
    pairs = source(tmp_path, 1, cache_bytes=0)
    stream = iter(training_batches(pairs, augment=Augment(4), batch=1, seed=0))
    pairs.pairs[0].sharp.unlink()
    with pytest.raises(Exception, match=r"p0\.png cannot be read"):
        for _ in range(1000):
            next(stream)


def test_of_transparent_images_what_is_seen_makes_the_pair(tmp_path):
    """Garbage under transparent pixels is no detail that a network should learn."""
    seen = image(8, 9)
    alpha = np.zeros((8, 9, 1), np.uint8)
    alpha[2:6, 2:6] = 255
    files = [tmp_path / f"{i}.png" for i in (1, 2)]
    for i, path in enumerate(files):
        garbage = np.where(alpha > 0, seen, 90 * i + 9).astype(np.uint8)
        Image.fromarray(np.dstack([garbage, alpha])).save(path)
    pair = FolderSource([Pair("a", *files)]).load(0)
    np.testing.assert_array_equal(pair[0], np.where(alpha > 0, seen, 0))
    np.testing.assert_array_equal(pair[1], pair[0])


@pytest.mark.parametrize(
    ("wanted", "white"), [("auto", 1023), ("full", 65535), (2046, 2046), ("2046", 2046)]
)
def test_ten_bits_in_sixteen_are_one_scale_for_both_images(wanted, white, tmp_path):
    blurred, sharp = (
        image(8, 9, dtype=np.uint16, seed=i) // factor for i, factor in ((1, 74), (2, 200))
    )
    files = write(tmp_path / "1.png", blurred), write(tmp_path / "2.png", sharp)
    pair = FolderSource([Pair("a", *files)], white_level=wanted).load(0)
    for found, stored in zip(pair, (blurred, sharp), strict=True):
        assert np.abs(found - stored / white * 255).max() <= 0.501


def test_patterns_are_for_folders(tmp_path):
    with pytest.raises(InvalidInput, match="`--pairs` needs a folder that exists"):
        open_source(tmp_path / "none", patterns=("a*", "b*"))
