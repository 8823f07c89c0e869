"""What the commonest mistakes of clients are answered: the table in docs/serving.md."""

import base64
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export import LocalService, export_model
from tests.export.helpers import Scale
from tests.export.service.makers import Caller, refusal

PHOTO = np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3), "uint8")
FLOATS = PHOTO / np.float32(255)
PNG = tf.io.encode_png(PHOTO[0]).numpy()
NAN = np.where(np.arange(1800).reshape(1, 20, 30, 3) == 7, np.float32(np.nan), FLOATS)


def saved_as(format):
    file = io.BytesIO()
    Image.fromarray(PHOTO[0]).save(file, format)
    return file.getvalue()


# What is wrong -> signature, input, value, what the answer says; all are INVALID_ARGUMENT.
MISTAKES = {
    "floats of 0..255": (
        *("serving_default", "image", FLOATS * 255),
        "`image` must be in [0, 1] where it is float. Divide by 255, or send uint8",
    ),
    "floats of -1..1, far out": (
        *("serving_default", "image", FLOATS * 4 - 2),
        "`image` must be in [0, 1] where it is float",
    ),
    "NaN": (
        *("serving_default", "image", NAN),
        "[`image` must be finite] [NaN or infinite values] [1]",
    ),
    "float64": (
        *("serving_default", "image", FLOATS.astype("float64")),
        "Expects arg[0] to be float but double is provided",
    ),
    "uint8 to the floats": (
        *("serving_default", "image", PHOTO),
        "Expects arg[0] to be float but uint8 is provided",
    ),
    "uint16": (
        *("serving_uint8", "image_u8", PHOTO.astype("uint16")),
        "Expects arg[0] to be uint8 but uint16 is provided",
    ),
    "no batch": (
        *("serving_uint8", "image_u8", PHOTO[0]),
        "Shape of tensor image_u8 [20,30,3] is not compatible with expected shape [?,?,?,3].",
    ),
    "channels first": (
        *("serving_uint8", "image_u8", np.moveaxis(PHOTO, -1, 1)),
        "Shape of tensor image_u8 [1,3,20,30] is not compatible with expected shape [?,?,?,3].",
    ),
    "alpha": (
        *("serving_uint8", "image_u8", np.zeros((1, 20, 30, 4), "uint8")),
        "Shape of tensor image_u8 [1,20,30,4] is not compatible",
    ),
    "gray": (
        *("serving_uint8", "image_u8", PHOTO[..., :1]),
        "Shape of tensor image_u8 [1,20,30,1] is not compatible",
    ),
    "no pixels": (
        *("serving_uint8", "image_u8", PHOTO[:, :0]),
        "[image must not be empty] [shape]",
    ),
    "too large": (
        *("serving_uint8", "image_u8", np.zeros((1, 400, 300, 3), "uint8")),
        "[image has too many pixels] [limit] [100000] [received] [120000]",
    ),
    "a file in another format": (
        *("serving_bytes", "image_bytes", [saved_as("WEBP")]),
        "image is neither PNG nor JPEG",
    ),
    "a file as base64": (
        *("serving_bytes", "image_bytes", [base64.b64encode(PNG)]),
        "image is neither PNG nor JPEG",
    ),
    "a file that is cut": (
        *("serving_bytes", "image_bytes", [PNG[: len(PNG) // 2]]),
        "Invalid PNG data",
    ),
    "a file without a list": (
        *("serving_bytes", "image_bytes", PNG),
        "is not compatible with expected shape [?].",
    ),
    "the wrong name": (
        *("serving_default", "x", FLOATS),
        "Signature input alias: image(feed name: ",
    ),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    export_model(Scale(0.9), root, max_pixels=100_000)
    with LocalService(root, file_system_poll_wait_seconds=0) as service:
        with Caller(service.target) as caller:
            yield caller


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_is_told_what_was_wrong(served, mistake):
    signature, name, value, says = MISTAKES[mistake]
    code, text = refusal(served.predict, signature, **{name: value})
    assert code == 3 and says in text, (code, text)


def test_the_order_of_colours_cannot_be_seen(served):
    """BGR comes back as BGR, restored as if red were blue: nothing in the numbers tells."""
    mirrored = served.predict("serving_uint8", image_u8=PHOTO[..., ::-1])
    right = served.predict("serving_uint8", image_u8=PHOTO)
    np.testing.assert_array_equal(
        tf.make_ndarray(mirrored.outputs["restored_u8"]),
        tf.make_ndarray(right.outputs["restored_u8"])[..., ::-1],
    )
