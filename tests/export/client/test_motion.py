"""Flow and confidence through client and service: what the blind restorer finds by itself."""

import warnings

import numpy as np
import pytest
from PIL import Image

from export import LocalService
from export.client.client import DeblurClient
from tests.restorers.makers import blurred
from tfdeblur.cli.main import main
from tfdeblur.image.flow_files import read_flow

# TensorFlow takes seconds for each signature of such a graph before it first runs.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def restorer(blind):
    return blind.restorer


@pytest.fixture(scope="module")
def target(blind):
    with LocalService(blind.version.parents[1]) as service:
        yield service.target


def found_here(restorer, image):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return restorer(image)


def test_motion_of_a_batch_is_that_of_the_restorer(target, restorer):
    images = np.stack([blurred(), blurred(seed=3)])
    wanted = [found_here(restorer, image) for image in images]
    with DeblurClient(target, "blind") as client:
        assert "serving_flow" in client.metadata().signatures
        found = client.deblur(images, motion=True)
    for name, accuracy in (("image", 1e-4), ("flow", 1e-4), ("confidence", 1e-3), ("score", 1e-3)):
        each = [getattr(one, name) for one in wanted]
        np.testing.assert_allclose(getattr(found, name), each, atol=accuracy)
    assert np.hypot(*found.flow[0, 0, 0]) > 5 and 0 < min(found.score) <= max(found.score) <= 1


def test_request_writes_flow_and_confidence(target, restorer, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    image = np.round(255 * blurred()).astype(np.uint8)
    Image.fromarray(image).save("a.png")
    command = ["request", "a.png", "--out", "out", "--target", target, "--model", "blind"]
    assert main([*command, "--flow", "--confidence"]) == 0
    wanted = found_here(restorer, image)
    with Image.open("out/a.png") as restored:
        assert np.abs(np.asarray(restored).astype(int) - wanted.image).max() <= 1
    np.testing.assert_allclose(read_flow("out/a.flow.npz"), wanted.flow, atol=1e-4)
    with Image.open("out/a.confidence.png") as picture:
        assert np.ptp(np.asarray(picture)) > 100
    assert f"confidence {wanted.score:.2f}" in capsys.readouterr().err
