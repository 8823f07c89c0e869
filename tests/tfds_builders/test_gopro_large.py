import hashlib
import logging

import numpy as np
import pytest
from PIL import Image

from tests.tfds_builders.helpers import assert_nothing_left, build, encoded_examples
from tests.tfds_builders.makers import drawing, encoded, write, write_flat, write_gopro, zipped
from tfdeblur.data import TfdsSource
from tfdeblur.errors import DataError, InvalidInput
from tfds_builders.file_tree import FileTree
from tfds_builders.gopro_large import gopro_large_dataset_builder as module
from tfds_builders.gopro_large.layout import PUBLISHED, Frame, find_frames, what_is_missing

NAMES = {
    "train": ["GOPR0372_07_00-000001", "GOPR0372_07_00-000002"],
    "test": ["GOPR0384_11_00-000001"],
}


def as_published(folder):
    return write_gopro(folder)


def in_a_folder(folder):
    write_gopro(folder / "GOPRO_Large")
    return folder


def as_an_archive(folder):
    write_gopro(folder / "files" / "GOPRO_Large")
    return zipped(folder / "files", folder / "archive.zip")


def flat(folder):
    return write_flat(folder, "blur", "sharp")


def repacked(folder):
    return write_flat(folder)


def repacked_in_a_folder(folder):
    write_flat(folder / "GoPro")
    return folder


def linked(folder):
    write_gopro(folder / "disk")
    (folder / "links").mkdir()
    for split in ("train", "test"):
        (folder / "links" / split).symlink_to(folder / "disk" / split)
    return folder / "links"


ALL_LAYOUTS = [
    *(as_published, in_a_folder, as_an_archive, flat, repacked, repacked_in_a_folder, linked)
]


@pytest.mark.parametrize("layout", ALL_LAYOUTS)
def test_every_layout_gives_the_same_pairs(layout, tmp_path):
    tree = FileTree(layout(tmp_path))
    frames = find_frames(tree, "blur")
    assert {split: [f.name for f in found] for split, found in frames.items()} == NAMES
    for i, frame in enumerate(frames["train"] + frames["test"]):
        assert (frame.sequence, frame.number) == (frame.name[:14], int(frame.name[-6:]))
        assert tree.read(frame.blur) == encoded(drawing(seed=10 * i))
        role = 1 if layout in (flat, repacked, repacked_in_a_folder) else 2
        assert tree.read(frame.sharp) == encoded(drawing(seed=10 * i + role))


def test_blur_gamma_is_the_other_blur_and_not_in_repacks(tmp_path):
    tree = FileTree(write_gopro(tmp_path / "own"))
    blur = find_frames(tree, "blur_gamma")["test"][0].blur
    assert tree.read(blur) == encoded(drawing(seed=21))
    with pytest.raises(DataError, match=r"holds no blur_gamma frames.*take gopro_large/blur"):
        find_frames(FileTree(write_flat(tmp_path / "repack")), "blur_gamma")


def test_the_published_counts(tmp_path):
    whole = {
        split: [Frame("", sequence, i, "", "") for sequence, n in counts.items() for i in range(n)]
        for split, counts in PUBLISHED.items()
    }
    assert {split: len(frames) for split, frames in whole.items()} == {"train": 2103, "test": 1111}
    assert [len(sequences) for sequences in PUBLISHED.values()] == [22, 11]
    assert what_is_missing(whole) == ""
    whole["train"].pop()
    assert what_is_missing(whole).split("\n") == [
        "  train: 2102 of 2103 frames",
        "    GOPR0477_11_00: 79 of 80",
    ]
    assert "test: 0 of 1111 frames" in what_is_missing({"train": whole["train"]})


def test_a_part_is_built_with_a_warning_and_read_for_training(tmp_path, caplog):
    archive = as_an_archive(tmp_path / "made")
    (tmp_path / "manual").mkdir()
    archive.rename(tmp_path / "manual" / "GOPRO_Large.zip")
    with caplog.at_level(logging.WARNING, module.__name__):
        builder = build("gopro_large/blur", tmp_path, tmp_path / "manual")
    assert "not the whole of GOPRO_Large" in caplog.text
    assert "train: 2 of 2103 frames" in caplog.text and "GOPR0372_07_00: 2 of 100" in caplog.text
    (example,) = encoded_examples(builder, "test").values()
    assert example["blur"] == encoded(drawing(seed=20)) and example["frame"] == 1
    assert example["sequence"] == b"GOPR0384_11_00"
    pairs = TfdsSource("gopro_large/blur", "train", tmp_path)
    assert sorted(pairs.names) == NAMES["train"]
    assert (pairs.load(pairs.names.index(NAMES["train"][1]))[0] == drawing(seed=10)).all()


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def change(path):
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 9] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "text"),
    [(cut, r"no zip archive, or it is cut off"), (change, r"000001\.png cannot be read: Bad CRC")],
)
def test_a_damaged_archive(damage, text, tmp_path):
    archive = as_an_archive(tmp_path / "made")
    damage(archive)
    with pytest.raises(DataError, match=text):
        build("gopro_large", tmp_path / "data", archive)
    assert_nothing_left(tmp_path / "data")
    as_an_archive(tmp_path / "made")
    assert build("gopro_large", tmp_path / "data", archive).info.splits["train"].num_examples == 2


def damaged_png(folder):
    change(next(folder.rglob("blur/000002.png")))


def another_size(folder):
    write(folder / f"train/{NAMES['train'][0][:14]}/sharp/000002.png", drawing(18, 24))


def sixteen_bits(folder):
    path = folder / f"train/{NAMES['train'][0][:14]}/sharp/000002.png"
    path.write_bytes(encoded(drawing().astype("uint16")))


def no_partner(folder):
    next(folder.rglob("sharp/000002.png")).unlink()


def twice(folder):
    write(folder / "copy" / f"test/{NAMES['test'][0][:14]}/blur/000001.png", drawing())


def empty(folder):
    for path in folder.rglob("*.png"):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "error", "text"),
    [
        (damaged_png, InvalidInput, r"blur/000002\.png is damaged: wrong checksum"),
        (another_size, DataError, r"blur/000002\.png and its sharp partner differ in size: \(16"),
        (sixteen_bits, InvalidInput, r"must be an 8-bit PNG\. Received: 16-bit png"),
        (no_partner, DataError, r"1 problem:\n.*blur/000002\.png has no partner: sharp is missing"),
        (twice, DataError, r"1 problem:\n.*000001\.png is there twice: also as "),
        (empty, DataError, r"holds no frames of GOPRO_Large\.\nAccepted layouts"),
    ],
)
def test_a_damaged_folder_leaves_nothing(damage, error, text, tmp_path):
    folder = write_gopro(tmp_path / "frames", ("blur", "sharp"))
    damage(folder)
    with pytest.raises(error, match=text):
        build("gopro_large", tmp_path / "data", folder)
    assert_nothing_left(tmp_path / "data")


def test_a_manual_dir_with_a_typing_error_downloads_nothing(tmp_path):
    with pytest.raises(DataError, match=r"`manual_dir` must be a folder that exists.*/no/such"):
        build("gopro_large", tmp_path, "/no/such")


def test_a_download_is_verified(tmp_path, monkeypatch):
    archive = as_an_archive(tmp_path / "made")
    monkeypatch.setattr(module, "URL", str(archive))  # TFDS copies what is no http address
    data = tmp_path / "data"
    with pytest.raises(DataError, match=f"wrong checksum.*\n  expected {module.SHA256}\n") as error:
        build("gopro_large", data)
    (kept,) = data.rglob("*.wrong")
    assert str(kept) in str(error.value) and kept.read_bytes() == archive.read_bytes()
    assert_nothing_left(data)
    # The wrong file is not taken from the cache: the right one is fetched.
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    assert build("gopro_large", data).info.splits["train"].num_examples == 2


@pytest.mark.parametrize("kind", ["RGBA", "L", "P"])
def test_both_ways_of_tfds_read_the_same(kind, tmp_path):
    """Copies that were saved anew, with alpha or a palette: as RGB, in both ways."""
    folder = write_gopro(tmp_path / "frames", ("blur", "sharp"))
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            image.load()
        (image.quantize(16) if kind == "P" else image.convert(kind)).save(path)
    loaded, sourced = (
        build("gopro_large", tmp_path / file_format, folder, file_format=file_format)
        for file_format in ("tfrecord", "array_record")
    )
    for split in ("train", "test"):
        first = {e["name"]: e for e in loaded.as_dataset(split=split).as_numpy_iterator()}
        second = {e["name"]: e for e in sourced.as_data_source(split=split)}
        assert first.keys() == second.keys() and first
        for name, example in first.items():
            np.testing.assert_array_equal(example["blur"], second[name]["blur"])
            np.testing.assert_array_equal(example["sharp"], second[name]["sharp"])
            assert example["sharp"].shape[-1] == 3 and example["sharp"].std() > 5
