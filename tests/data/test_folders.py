import os
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from tests.data.makers import image, write, write_pairs
from tests.helpers import shared_data
from tfdeblur.data import find_pairs, fingerprint
from tfdeblur.data.folders import image_size
from tfdeblur.data.names import natural_key
from tfdeblur.errors import DataError


def names(pairs):
    return [pair.name for pair in pairs]


def problems(folder, **kwargs):
    with pytest.raises(DataError) as caught:
        find_pairs(folder, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    "blur, sharp", [("blur", "sharp"), ("blurred", "sharp"), ("input", "target"), ("blur", "gt")]
)
def test_a_flat_folder_in_natural_order(tmp_path, blur, sharp):
    write_pairs(tmp_path, ["f10", "f2", "f1"], blur=blur, sharp=sharp)
    pairs = find_pairs(tmp_path)
    assert names(pairs) == ["f1", "f2", "f10"]
    assert pairs[0].blurred == tmp_path / blur / "f1.png"
    assert pairs[0].sharp == tmp_path / sharp / "f1.png"
    assert names(find_pairs(tmp_path, "train")) == names(find_pairs(tmp_path, "test"))


def test_suffixes_may_differ_within_a_pair(tmp_path):
    write(tmp_path / "blur/a.jpg", image(8, 9))
    write(tmp_path / "sharp/a.png", image(8, 9))
    assert names(find_pairs(tmp_path, check="full")) == ["a"]


def test_splits(tmp_path):
    write_pairs(tmp_path / "train", ["a", "b"])
    write_pairs(tmp_path / "test", ["a"])
    assert names(find_pairs(tmp_path, "train")) == ["a", "b"]
    assert names(find_pairs(tmp_path, "test")) == ["a"]
    assert names(find_pairs(tmp_path / "test")) == ["a"]
    assert names(find_pairs(tmp_path)) == ["test-a", "train-a", "train-b"]
    text = problems(tmp_path, split="val")
    assert "`split` must be one of ['train', 'test']" in text and "split='val'" in text


def test_goproes_own_layout(tmp_path):
    for sequence in ("GOPR0372_07_00", "GOPR0374_11_01"):
        folder = tmp_path / "train" / sequence
        write_pairs(folder, ["000047", "000048"])
        write_pairs(folder, ["000047", "000048"], blur="blur_gamma")
    pairs = find_pairs(tmp_path, "train")
    assert names(pairs)[:2] == ["GOPR0372_07_00-000047", "GOPR0372_07_00-000048"]
    assert len(pairs) == 4 and pairs[0].blurred.parent.name == "blur"
    pairs = find_pairs(tmp_path / "train", blur_folder="blur_gamma")
    assert pairs[0].blurred.parent.name == "blur_gamma" and len(pairs) == 4


def test_hidden_and_other_files_are_left_out(tmp_path):
    write_pairs(tmp_path, ["a"])
    for name in (".DS_Store", ".a.png", "Thumbs.db", "readme.txt"):
        (tmp_path / "blur" / name).write_bytes(b"x")
    (tmp_path / "sharp" / "folder.png").mkdir()
    assert names(find_pairs(tmp_path)) == ["a"]


def test_patterns_split_by_video(tmp_path):
    write_pairs(tmp_path, ["test-1", "test-2", "v1-1", "v2-1"])
    train = find_pairs(tmp_path, exclude=["test-*", "v2-*"])
    test = find_pairs(tmp_path, only=["test-*"])
    assert names(train) == ["v1-1"] and names(test) == ["test-1", "test-2"]
    assert names(find_pairs(tmp_path, only=["v*"], exclude=["v1*"])) == ["v2-1"]
    text = problems(tmp_path, only=["w*"])
    assert "only=['w*'], exclude=[]" in text and "test-1" in text


def test_left_out_pairs_may_be_broken(tmp_path):
    write_pairs(tmp_path, ["a", "b"])
    (tmp_path / "blur/b.png").write_bytes(b"")
    assert names(find_pairs(tmp_path, exclude=["b"])) == ["a"]


def test_all_faults_come_in_one_error(tmp_path):
    write_pairs(tmp_path, ["ok", "empty", "cut", "text", "size", "lonely", "twice"])
    (tmp_path / "blur/empty.png").write_bytes(b"")
    cut = tmp_path / "sharp/cut.png"
    cut.write_bytes(cut.read_bytes()[:-20])
    (tmp_path / "blur/text.png").write_text("not an image")
    write(tmp_path / "sharp/size.png", image(10, 16))
    (tmp_path / "sharp/lonely.png").unlink()
    write(tmp_path / "blur/twice.jpg", image(12, 16))
    write(tmp_path / "sharp/other.png", image(12, 16))
    os.symlink("loop.png", tmp_path / "blur/loop.png")
    write(tmp_path / "sharp/loop.png", image(12, 16))
    text = problems(tmp_path)
    for part in (
        f"{tmp_path} is not ready for use, 8 problems:",
        "blur/empty.png is empty (0 bytes)",
        "sharp/cut.png is cut off",
        "blur/text.png is not an image",
        "size: blurred is 16 x 12 pixels, sharp is 16 x 10",
        f"blur/lonely.png has no sharp partner. Looked in: {tmp_path / 'sharp'}",
        f"sharp/other.png has no blurred partner. Looked in: {tmp_path / 'blur'}",
        "twice.png and twice.jpg have the same name up to the suffix",
        "blur/loop.png cannot be read",
    ):
        assert part in text, text
    assert "ok" not in text.replace("Looked", "")


def test_a_long_list_of_faults_is_cut(tmp_path):
    write_pairs(tmp_path, [f"n{i}" for i in range(25)], 2, 2)
    for path in (tmp_path / "blur").iterdir():
        path.write_bytes(b"")
    text = problems(tmp_path)
    assert "25 problems" in text and "... and 5 more" in text and text.count("is empty") == 20


def test_damage_inside_a_file_is_found(tmp_path):
    write_pairs(tmp_path, ["a", "b"])
    for name, place in (("a", 60), ("b", 20)):
        path = tmp_path / f"blur/{name}.png"
        data = bytearray(path.read_bytes())
        data[place] ^= 0xFF
        path.write_bytes(data)
    text = problems(tmp_path)
    assert "a.png is damaged" in text and "b.png is damaged" in text


def test_full_check_decodes(tmp_path):
    write_pairs(tmp_path, ["a"])
    # A PNG whose chunks and checksums are sound, with pixel data that do not unpack.
    path = tmp_path / "sharp/a.png"
    data = path.read_bytes()
    start = data.index(b"IDAT")
    body = b"IDAT" + b"no zlib stream"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[: start - 4] + chunk + data[-12:])
    assert names(find_pairs(tmp_path)) == ["a"]
    assert "sharp/a.png is damaged" in problems(tmp_path, check="full")


def test_names_only(tmp_path):
    write_pairs(tmp_path, ["a"])
    (tmp_path / "blur/a.png").write_bytes(b"")
    assert names(find_pairs(tmp_path, check=False)) == ["a"]


@pytest.mark.parametrize("make", [lambda p: None, lambda p: (p / "pics").mkdir()])
def test_an_unknown_layout_lists_the_accepted_ones(tmp_path, make):
    make(tmp_path)
    assert "DIR/{blur,sharp}/NAME.png" in problems(tmp_path)


def test_empty_role_folders(tmp_path):
    (tmp_path / "blur").mkdir()
    (tmp_path / "sharp").mkdir()
    assert "hold no images" in problems(tmp_path)


def test_no_folder(tmp_path):
    assert "does not exist" in problems(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    assert "is not a folder" in problems(tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_folder(tmp_path):
    write_pairs(tmp_path, ["a"])
    (tmp_path / "blur").chmod(0)
    try:
        assert "cannot be read" in problems(tmp_path)
    finally:
        (tmp_path / "blur").chmod(0o755)


def test_a_turned_jpeg_has_the_size_it_is_shown_with(tmp_path):
    path = write(tmp_path / "a.jpg", image(12, 20))
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    assert image_size(path) == (20, 12)


def test_fingerprint_follows_names_order_and_content_only(tmp_path):
    write_pairs(tmp_path / "one", ["a", "b"])
    write_pairs(tmp_path / "two", ["a", "b"])
    pairs = find_pairs(tmp_path / "one")
    first = fingerprint(pairs)
    assert len(first) == 64 and first == fingerprint(find_pairs(tmp_path / "two"))
    assert first != fingerprint(pairs[::-1])
    os.utime(pairs[0].blurred, (0, 0))
    assert first == fingerprint(pairs)
    write(pairs[1].sharp, image(12, 16, seed=99))
    assert first != fingerprint(pairs)
    pairs[0].blurred.rename(tmp_path / "one/blur/c.png")
    pairs[0].sharp.rename(tmp_path / "one/sharp/c.png")
    assert len({first, fingerprint(find_pairs(tmp_path / "one"))}) == 2


def test_natural_order():
    shuffled = ["b", "a10", "a9", "10", "9", "a", "a9b"]
    assert sorted(shuffled, key=natural_key) == ["9", "10", "a", "a9", "a9b", "a10", "b"]


def test_real_pairs():
    pairs = find_pairs(shared_data("gopro"))
    assert len(pairs) == 30 and names(pairs)[0] == "GOPR0372_07_00-000047"
    assert image_size(pairs[0].blurred) == (720, 1280)


def test_finding_pairs_loads_no_tensorflow(tmp_path):
    write_pairs(tmp_path, ["a"])
    code = (
        "import sys; from tfdeblur.data import find_pairs, fingerprint;"
        f"fingerprint(find_pairs({str(tmp_path)!r})); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sixteen_bit_and_gray_files_are_pairs_too(tmp_path):
    write(tmp_path / "blur/a.png", image(5, 6, dtype=np.uint16))
    (tmp_path / "sharp").mkdir()
    cv2.imwrite(str(tmp_path / "sharp/a.png"), image(5, 6)[..., 0])
    assert names(find_pairs(tmp_path, check="full")) == ["a"]
