"""Broken files: each is named with the reason, and costs no other file its result."""

import struct
import zlib

import pytest

from tests.cli.helpers import Rows, check_files, folder_for
from tests.cli.makers import good, jpeg, levels

row = Rows()


@row(3, "cut.jpg is cut off")
def truncated_jpeg(folder):
    jpeg(folder / "whole.jpg", levels(40, 40))
    data = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    return ["cut.jpg"], {}


@row(3, "cut.jpg is cut off")
def jpeg_truncated_in_its_header(folder):
    jpeg(folder / "cut.jpg", levels(40, 40))
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:25])
    return ["cut.jpg"], {}


@row(3, "cut.png is cut off")
def truncated_png(folder):
    good(folder, "cut.png")
    data = (folder / "cut.png").read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    return ["cut.png"], {}


@row(3, "flipped.png is damaged")
def png_with_a_wrong_checksum(folder):
    good(folder, "flipped.png")
    data = bytearray((folder / "flipped.png").read_bytes())
    data[len(data) // 2] ^= 0x55
    (folder / "flipped.png").write_bytes(data)
    return ["flipped.png"], {}


@row(3, "nothing.jpg is empty (0 bytes)")
def zero_bytes(folder):
    (folder / "nothing.jpg").touch()
    return ["nothing.jpg"], {}


@row(3, "letter.png is not an image that can be read")
def text_named_png(folder):
    (folder / "letter.png").write_text("Dear reader,\n")
    return ["letter.png"], {}


@row(3, "bomb.png is too large to be opened: 60000 x 60000 pixels")
def decompression_bomb(folder):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    size = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return ["bomb.png"], {}


@row(3, "broken.mp4")
def broken_video(folder):
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 200)
    return ["broken.mp4"], {}


@row(3, "c.png is empty")
def folder_with_broken_files_is_finished(folder):
    (folder / "p").mkdir()
    (folder / "p" / "a.png").write_text("no")
    (folder / "p" / "c.png").touch()
    (folder / "p" / "notes.txt").write_text("not even tried")
    return ["p"], {"b.png": good(folder, "p/b.png"), "d.png": good(folder, "p/d.png", seed=1)}


@pytest.mark.parametrize(("make", "code", "says", "options"), row.params)
def test_files(make, code, says, options, affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folder_for(tmp_path))
    check_files(make, code, says, options, affine_model, tmp_path, capsys)
