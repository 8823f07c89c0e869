"""What an exported Bi-Skip answers in a v1 session: the pixels of `Restorer`, and refusals."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf

from export import export_model
from tests.export.helpers import MAX_PIXELS, Scale, loaded, pixels, png, random_u8
from tests.helpers import picture
from tfdeblur.restorers.network import Restorer

INVALID_ARGUMENT = 3


@pytest.fixture(scope="module")
def restorer(bi_skip):
    return bi_skip.restorer


@pytest.fixture(scope="module")
def served(bi_skip):
    with loaded(bi_skip.version) as v1:
        yield v1


SHAPES = [(1, 1, 1, 3), (2, 3, 5, 3), (1, 7, 60, 3), (3, 33, 17, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_pixels_of_the_restorer(served, restorer, shape):
    image = random_u8(*shape)
    wanted = restorer(image)
    assert not any(wanted.degenerate)
    np.testing.assert_array_equal(served("serving_uint8", image), wanted.image)
    as_files = served("serving_bytes", np.array([png(one) for one in image], object))
    np.testing.assert_array_equal([pixels(one) for one in as_files], wanted.image)
    as_floats = image * np.float32(1 / 255)
    np.testing.assert_allclose(
        served("serving_default", as_floats), restorer(as_floats).image, atol=1e-6
    )


def test_a_batch_is_its_images(served):
    images = random_u8(3, 20, 30, 3)
    each = [served("serving_uint8", one[None])[0] for one in images]
    np.testing.assert_array_equal(served("serving_uint8", images), each)


def test_files_of_mixed_sizes_and_kinds(served, restorer):
    photo = np.round(255 * picture(20, 31)).astype(np.uint8)
    palette = cv2.imencode(".png", photo[..., :1] // 86 * 86, [cv2.IMWRITE_PNG_BILEVEL, 0])[1]
    files = [
        png(photo[:9, :14]),
        png(photo[..., :1]),
        png(np.concatenate([photo, photo[..., :1]], axis=-1)),
        png(photo.astype(np.uint16) * 257),
        palette.tobytes(),
        tf.io.encode_jpeg(photo[:17]).numpy(),
        tf.io.encode_jpeg(photo[..., :1]).numpy(),
    ]
    answers = served("serving_bytes", np.array(files, object))
    assert len(answers) == len(files)
    for file, answer in zip(files, answers, strict=True):
        image = (
            tf.io.decode_png(file, channels=3)
            if file.startswith(b"\x89PNG")
            else tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
        )
        np.testing.assert_array_equal(pixels(answer), restorer(image.numpy()).image)


def test_no_files_no_answers(served):
    assert served("serving_bytes", np.array([], object)).shape == (0,)


def test_names_and_types(served):
    described = {
        key: [
            (name, tf.as_dtype(info.dtype).name, [d.size for d in info.tensor_shape.dim])
            for part in (signature.inputs, signature.outputs)
            for name, info in part.items()
        ]
        for key, signature in served.signatures.items()
    }
    images = [-1, -1, -1, 3]
    assert described == {
        "serving_default": [("image", "float32", images), ("restored", "float32", images)],
        "serving_uint8": [("image_u8", "uint8", images), ("restored_u8", "uint8", images)],
        "serving_bytes": [("image_bytes", "string", [-1]), ("restored_bytes", "string", [-1])],
    }


def _png_chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _png_header(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IEND", b"")


def _jpeg_header(width, height):
    jpeg = tf.io.encode_jpeg(random_u8(8, 8, 3)).numpy()
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff," + bytes(9)
GOOD = random_u8(8, 9, 3)
NOT_COMPATIBLE = "is not compatible with expected shape"
TOO_MANY = rf"\[image has too many pixels\] \[limit\] \[{MAX_PIXELS}\] \[received\]"
NO_IMAGE = "image is neither PNG nor JPEG"

REFUSED = {
    "rank 1": ("serving_default", np.zeros(3, "f4"), NOT_COMPATIBLE),
    "rank 3": ("serving_default", np.zeros((16, 16, 3), "f4"), NOT_COMPATIBLE),
    "rank 5": ("serving_default", np.zeros((1, 1, 16, 16, 3), "f4"), NOT_COMPATIBLE),
    "gray": ("serving_default", np.zeros((1, 16, 16, 1), "f4"), NOT_COMPATIBLE),
    "alpha": ("serving_uint8", np.zeros((1, 16, 16, 4), "u1"), NOT_COMPATIBLE),
    "rank 3, uint8": ("serving_uint8", np.zeros((16, 16, 3), "u1"), NOT_COMPATIBLE),
    "no images": ("serving_default", np.zeros((0, 16, 16, 3), "f4"), "must not be empty"),
    "no rows": ("serving_uint8", np.zeros((1, 0, 16, 3), "u1"), "must not be empty"),
    "one row too many": ("serving_uint8", np.zeros((1, 201, 100, 3), "u1"), TOO_MANY),
    "too many images": ("serving_default", np.zeros((3, 100, 100, 3), "f4"), TOO_MANY),
    "one file, no list": ("serving_bytes", np.array(png(GOOD), object), NOT_COMPATIBLE),
    "large PNG": ("serving_bytes", [_png_header(60_000, 60_000)], TOO_MANY),
    "largest PNG": ("serving_bytes", [_png_header(2**31 - 1, 2**31 - 1)], TOO_MANY),
    "PNG of no width": ("serving_bytes", [_png_header(0, 9)], "must not be empty"),
    "large JPEG": ("serving_bytes", [_jpeg_header(60_000, 60_000)], TOO_MANY),
    "empty": ("serving_bytes", [b""], NO_IMAGE),
    "noise": ("serving_bytes", [bytes(random_u8(500))], NO_IMAGE),
    "GIF": ("serving_bytes", [GIF], NO_IMAGE),
    "20 bytes of PNG": ("serving_bytes", [png(GOOD)[:20]], NO_IMAGE),
    "half a PNG": ("serving_bytes", [png(random_u8(40, 40, 3))[:900]], "Invalid PNG data"),
    "JPEG's first bytes": ("serving_bytes", [b"\xff\xd8\xff" + bytes(60)], "JPEG"),
    "one bad of three": ("serving_bytes", [png(GOOD), b"no", png(GOOD)], NO_IMAGE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(served, case):
    key, value, message = REFUSED[case]
    value = np.array(value, object) if isinstance(value, list) else value
    with pytest.raises(tf.errors.OpError, match=message) as caught:
        served(key, value)
    assert caught.value.error_code == INVALID_ARGUMENT


@pytest.fixture(scope="module")
def brighter(tmp_path_factory):
    """Root of a model that makes all brighter, for any size and for one."""
    version = export_model(Scale(1.2), tmp_path_factory.mktemp("root"), fixed_tile=160)
    return version.parents[1]


def test_floats_are_clipped(brighter):
    with loaded(brighter / "deblur" / "1") as v1:
        image = np.float32([-0.2, 0.5, 0.9]).reshape(1, 1, 1, 3)
        np.testing.assert_allclose(v1("serving_default", image)[0, 0, 0], [0, 0.6, 1.0])


def test_signatures_of_one_size(brighter):
    with loaded(brighter / "deblur_tile" / "1") as v1:
        assert set(v1.signatures) == {"serving_default", "serving_uint8"}
        image = random_u8(2, 160, 160, 3)
        wanted = Restorer(Scale(1.2))(image).image
        np.testing.assert_array_equal(v1("serving_uint8", image), wanted)
        with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_COMPATIBLE):
            v1("serving_uint8", random_u8(1, 160, 192, 3))


def test_only_models_of_one_size_may_be_batched(brighter):
    assert [path.parent.parent.name for path in brighter.glob("*/1/batching_params.pbtxt")] == [
        "deblur_tile"
    ]
