"""Client and service together, with an exported network: the same pixels as the direct call."""

import contextlib
import io

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

from export.client import calls as client_calls
from export.client.client import DeblurClient
from export.client.errors import ModelNotFound, RequestRefused, ServerBusy
from export.graph.saved_model import export_model
from export.service import local_service
from export.service.gate import Gate
from export.service.local_service import LocalService
from tfdeblur.cli.main import main
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import decode_image, encode_image
from tfdeblur.restorers.network import Restorer

ROOM = 192 * 192
SIDE = 192
_SMALL = keras.initializers.RandomNormal(stddev=0.02, seed=0)


@pytest.fixture(scope="module")
def network():
    """Sees two pixels far; quicker to export and to run than a real one."""
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    change = keras.layers.Conv2D(3, 5, padding="same", kernel_initializer=_SMALL)(image)
    return keras.Model(image, image + change)


@pytest.fixture(scope="module")
def direct(network):
    return Restorer(network)


@pytest.fixture(scope="module")
def root(network, tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    export_model(network, root, max_pixels=ROOM, fixed_tile=SIDE)
    return root


@pytest.fixture(scope="module")
def target(root):
    with LocalService(root / "models.config") as service:
        yield service.target


@pytest.fixture
def client(target):
    with DeblurClient(target) as client:
        yield client


def levels(height, width, *batch):
    return np.random.default_rng(0).integers(0, 256, (*batch, height, width, 3), "uint8")


@pytest.mark.parametrize("shape", [(33, 47), (1, 1), (20, 18, 3)])
def test_the_same_pixels_as_the_direct_call(shape, client, direct):
    image = levels(*shape)
    expected = direct(image).image
    np.testing.assert_array_equal(client.deblur(image).image, expected)
    np.testing.assert_array_equal(client.deblur(image, payload="bytes").image, expected)
    floats = image / np.float32(255)
    np.testing.assert_allclose(client.deblur(floats).image, direct(floats).image, atol=1e-6)


def test_files_in_files_out(client, direct):
    images = [levels(9, 12), levels(20, 5)]
    answers = client.deblur_bytes([encode_image(i, like=None, format="png") for i in images])
    for image, answer in zip(images, answers, strict=True):
        found = decode_image(answer, "answer").rgb
        np.testing.assert_array_equal(found, direct(image).image)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_photograph_that_was_stored_lying_comes_back_held_as_it_was(client, kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x010F] = "a camera"
    files = []
    for options in ({"exif": exif}, {}):
        files.append(io.BytesIO())
        Image.fromarray(levels(9, 12)).save(files[-1], kind, **options)
    turned, plain = client.deblur_bytes([file.getvalue() for file in files])
    with Image.open(io.BytesIO(turned)) as found, Image.open(io.BytesIO(plain)) as upright:
        assert found.getexif().get(0x0112, 1) == turn and upright.getexif() == {}
        assert found.size == (12, 9)  # as stored
        assert ImageOps.exif_transpose(found).size == ((12, 9) if turn < 5 else (9, 12))
        np.testing.assert_array_equal(np.asarray(found), np.asarray(upright))


def test_what_the_model_refuses_for_its_size_is_sent_in_tiles(client, direct):
    image = levels(230, 250)
    restored = client.deblur(image)
    assert restored.tiles > 1 and client.max_pixels == ROOM
    difference = restored.image.astype(int) - direct(image).image
    assert np.abs(difference).max() <= 1


def test_the_model_of_one_size(target, direct):
    image = levels(230, 250)
    with DeblurClient(target, "deblur_tile") as client:
        restored = client.deblur(image)
    assert restored.tiles == 4
    difference = (restored.image.astype(int) - direct(image).image)[:-2, :-2]
    assert np.abs(difference).max() <= 1  # but where the network sees the border


def test_facts(client):
    assert client.wait_ready() == 1
    assert [(one.version, one.state) for one in client.status()] == [(1, "AVAILABLE")]
    metadata = client.metadata()
    assert set(metadata.signatures) == {"serving_bytes", "serving_default", "serving_uint8"}


def test_refusals_are_typed(target, client):
    for options in ({"model": "other"}, {"version": 7}):
        with DeblurClient(target, **options) as other, pytest.raises(ModelNotFound):
            other.deblur(levels(4, 4))
    with pytest.raises(RequestRefused, match="metadata"):
        client.deblur_bytes(b"no picture")
    with pytest.raises(InvalidInput, match="metadata"):
        client.predict({"image": levels(4, 4)[None]})  # bytes where floats are expected


def test_a_place_that_gets_free_is_taken(root, direct, monkeypatch):
    gate, image = Gate(1, 1), levels(4, 4)
    monkeypatch.setattr(local_service, "Gate", lambda *_: gate)
    with LocalService(root) as service, contextlib.ExitStack() as held:
        held.enter_context(gate.turn(lambda: None))
        with DeblurClient(service.target, retries=0) as client, pytest.raises(ServerBusy):
            client.deblur(image)
        # Whoever is told to wait waits for the one place to be given back.
        monkeypatch.setattr(client_calls.time, "sleep", lambda _: held.close())
        with DeblurClient(service.target, retries=1) as client:
            np.testing.assert_array_equal(client.deblur(image).image, direct(image).image)


def test_request_writes_what_deblur_writes(target, direct, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(levels(20, 30)).save("a.png")
    assert main(["request", "a.png", "--out", "out", "--target", target, "--wait", "5"]) == 0
    with Image.open("out/a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), direct(levels(20, 30)).image)
