"""The worst inputs that pass a signature, under the C++ loader: refused, or as cheap as others.

TensorFlow Serving looks at types alone before it runs a graph, so the graph is all that stands
between a request and the memory of the machine.
"""

import struct
import subprocess
import zlib
from typing import NamedTuple

import numpy as np
import pytest

from export import export_model
from tests.export.graph.makers import build_program
from tests.export.helpers import png, random_u8
from tfdeblur.networks import BiSkip
from tfdeblur.restorers.network import Restorer

OK, INVALID = 0, 3
HEIGHT, WIDTH = 720, 1280  # an ordinary picture, and all the pixels that the version takes
MOST = 1.2  # times the memory of an ordinary call

pytestmark = pytest.mark.slow


class Answer(NamedTuple):
    """What `peak_of_call` printed."""

    code: int
    kilobytes: int
    message: str


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Calls a signature once, in a process of its own."""
    folder = tmp_path_factory.mktemp("cpp")
    program = build_program("peak_of_call", folder)
    restorer = Restorer(BiSkip(width=0.25, norm="none"))
    version = export_model(restorer, folder / "root", max_pixels=HEIGHT * WIDTH)

    def run(signature, kind, shape, data):
        file = folder / "data"
        file.write_bytes(data if isinstance(data, bytes) else data.tobytes())
        dims = ",".join(map(str, shape))
        command = [program, version, signature, kind, dims, file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]  # it did not die, whatever it was sent
        code, kilobytes, message = done.stdout.partition("\n")[0].split(" ", 2)
        return Answer(int(code), int(kilobytes), message)

    return run


@pytest.fixture(scope="module")
def ordinary(call):
    """Peak memory of a call with one 1280x720 picture, by signature, kilobytes."""
    image = random_u8(HEIGHT, WIDTH, 3)
    shape = (1, HEIGHT, WIDTH, 3)
    answers = {
        "serving_uint8": call("serving_uint8", "uint8", shape, image),
        "serving_default": call("serving_default", "float", shape, image / np.float32(255)),
        "serving_bytes": call("serving_bytes", "string", (1,), png(image)),
    }
    assert [answer.code for answer in answers.values()] == [OK] * 3, answers
    return {key: answer.kilobytes for key, answer in answers.items()}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height, rows, before=b""):
    """A PNG of 8-bit RGB whose header says one size, and whose `rows` may hold another."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + before + data + chunk(b"IEND", b"")


ZEROS = bytes(256 << 20)
SMALL = png_of(8, 8, bytes(8 * 25))
JPEG_WITHOUT_END = b"\xff\xd8\xff\xe0" + bytes(4 << 20)
JPEG_65500 = b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 65500, 65500)
JPEG_65500 += b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01" + bytes(64)

FILES = {
    "half a million of a small one": ((500_000,), SMALL),
    "a header of 30,000 x 30,000": ((1,), png_of(30_000, 30_000, bytes(90_001))),
    "a header at the end of 32 bits": ((1,), png_of(2**31 - 1, 2**31 - 1, b"")),
    "a JPEG header of 65,500 x 65,500": ((1,), JPEG_65500),
    "a JPEG of segments of nothing": ((1,), JPEG_WITHOUT_END),
    "many, a little too many together": ((5,), png_of(512, 512, bytes(512 * 1537))),
    "files of no bytes": ((1000,), b""),
}
HIDDEN = {  # of allowed size: decoded or refused, but never at the price of what they hide
    "256 MB of rows behind a header of 8 x 8": png_of(8, 8, ZEROS),
    "256 MB of colour profile": png_of(
        8, 8, bytes(200), chunk(b"iCCP", b"a\0\0" + zlib.compress(ZEROS))
    ),
    "256 MB of text": png_of(8, 8, bytes(200), chunk(b"zTXt", b"a\0\0" + zlib.compress(ZEROS))),
}
ARRAYS = {
    "as many rows as pixels are allowed": (1, HEIGHT * WIDTH, 1, 3),
    "very many images of one pixel": (20_000, 1, 1, 3),
    "one row too many": (1, HEIGHT + 1, WIDTH, 3),
    "four channels": (1, 512, 512, 4),
    "three axes": (512, 512, 3),
    "nothing": (0, 512, 512, 3),
}


@pytest.mark.parametrize("what", FILES)
def test_files_are_refused_by_what_their_headers_say(call, ordinary, what):
    shape, picture = FILES[what]
    answer = call("serving_bytes", "string", shape, picture)
    assert answer.code == INVALID, answer
    assert answer.kilobytes <= MOST * ordinary["serving_bytes"], answer


@pytest.mark.parametrize("what", HIDDEN)
def test_what_a_file_hides_is_not_unpacked(call, ordinary, what):
    answer = call("serving_bytes", "string", (1,), HIDDEN[what])
    assert answer.code in (OK, INVALID), answer
    assert answer.kilobytes <= MOST * ordinary["serving_bytes"], answer


@pytest.mark.parametrize("kind", ["uint8", "float"])
@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_are_refused_by_their_shape(call, ordinary, what, kind):
    signature = "serving_uint8" if kind == "uint8" else "serving_default"
    values = np.zeros(ARRAYS[what], "u1" if kind == "uint8" else "f4")
    answer = call(signature, kind, ARRAYS[what], values)
    assert answer.code == INVALID, answer
    assert answer.kilobytes <= MOST * ordinary[signature], answer


@pytest.mark.parametrize("value", [np.nan, np.inf, 255.0])
def test_floats_that_are_no_picture_are_refused(call, ordinary, value):
    image = np.full((1, HEIGHT, WIDTH, 3), 0.5, "f4")
    image[0, -1, -1, -1] = value
    answer = call("serving_default", "float", image.shape, image)
    assert answer.code == INVALID, answer
    assert answer.kilobytes <= MOST * ordinary["serving_default"], answer
