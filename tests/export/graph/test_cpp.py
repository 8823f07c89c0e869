"""The same version under TensorFlow's C++ loader and session, which TensorFlow Serving calls."""

import subprocess
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from export.graph.saved_model import export_model
from tests.adopt.makers import graph_of, sharpen, write_pb
from tests.export.graph.makers import build_program
from tests.export.helpers import Compiled, pixels, png, random_u8
from tests.restorers.makers import blurred
from tfdeblur import Restorer
from tfdeblur.adopt.adopt import adopt

FAILED_PRECONDITION, INTERNAL = 9, 13

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Runs every signature of a version once."""
    return build_program("serve_once", tmp_path_factory.mktemp("cpp"))


def serve_once(program, version, image, folder):
    """Exit code, and the lines or the error that the program printed."""
    (folder / "pixels").write_bytes(image.tobytes())
    (folder / "png").write_bytes(png(image))
    height, width = map(str, image.shape[:2])
    run = subprocess.run(
        [program, version, height, width, folder / "pixels", folder / "png", folder],
        capture_output=True,
        text=True,
    )
    return run.returncode, run.stderr if run.returncode else run.stdout.splitlines()


@pytest.mark.parametrize("height, width", [(33, 50), (1, 1), (7, 60)])
def test_the_pixels_of_the_restorer(program, bi_skip, tmp_path, height, width):
    restorer = bi_skip.restorer
    image = random_u8(height, width, 3)
    code, lines = serve_once(program, bi_skip.version, image, tmp_path)
    assert code == 0, lines
    shape = f"[1,{height},{width},3]"
    assert sorted(lines) == [
        "serving_bytes restored_bytes string [1]",
        f"serving_default restored float {shape}",
        f"serving_uint8 restored_u8 uint8 {shape}",
    ]
    wanted = restorer(image).image
    found = np.fromfile(tmp_path / "serving_uint8.restored_u8", np.uint8).reshape(wanted.shape)
    np.testing.assert_array_equal(found, wanted)
    file = (tmp_path / "serving_bytes.restored_bytes").read_bytes()
    np.testing.assert_array_equal(pixels(file), wanted)
    exact = restorer(image * np.float32(1 / 255)).image
    found = np.fromfile(tmp_path / "serving_default.restored", np.float32).reshape(exact.shape)
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_the_pixels_of_an_adopted_network(program, tmp_path):
    source = write_pb(tmp_path / "a.pb", graph_of(sharpen))
    restorer = Restorer.from_preset(adopt(source, tmp_path / "model"))
    version = export_model(restorer, tmp_path / "root")
    image = random_u8(33, 50, 3)
    code, lines = serve_once(program, version, image, tmp_path)
    assert code == 0 and len(lines) == 3, lines
    wanted = restorer(image).image
    found = np.fromfile(tmp_path / "serving_uint8.restored_u8", np.uint8).reshape(wanted.shape)
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_motion_of_the_blind_restorer(program, blind, tmp_path):
    image = np.round(255 * blurred()).astype(np.uint8)
    code, lines = serve_once(program, blind.version, image, tmp_path)
    assert code == 0, lines
    assert "serving_flow flow float [1,24,32,2]" in lines and len(lines) == 7
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wanted = blind.restorer(image)

    def found(output, dtype, shape):
        return np.fromfile(tmp_path / output, dtype).reshape(shape)

    restored = found("serving_uint8.restored_u8", np.uint8, wanted.image.shape).astype(int)
    assert np.abs(restored - wanted.image).max() <= 1
    for name, accuracy in (("flow", 1e-4), ("confidence", 1e-3)):
        values = getattr(wanted, name)
        flat = found(f"serving_flow.{name}", np.float32, values.shape)
        np.testing.assert_allclose(flat, values, atol=accuracy)


def _save(folder, module, function):
    spec = tf.TensorSpec((None, None, None, 3), tf.float32, name="image")
    serve = tf.function(lambda image: {"restored": function(image)}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return folder


def test_what_our_own_check_refuses_is_refused_here(program, tmp_path):
    """The two faults that Python's loaders do not show."""
    holder = tf.Module()
    holder.model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])
    image = random_u8(8, 8, 3)
    version = _save(tmp_path / "holder", holder, holder.model)
    code, error = serve_once(program, version, image, tmp_path)
    assert code == FAILED_PRECONDITION and "Could not find variable" in error
    module, network = tf.Module(), Compiled()
    module.factor = network.variables
    version = _save(tmp_path / "compiled", module, lambda image: network(image, training=False))
    code, error = serve_once(program, version, image, tmp_path)
    assert code == INTERNAL and "XLA compilation disabled" in error
