"""Adopted networks, exported and served: the pixels of the direct call."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export.graph.manifest import MANIFEST
from export.graph.saved_model import export_model
from export.graph.self_check import run_signatures
from export.graph.served import served_model
from export.service.local_service import LocalService
from tests.adopt.makers import graph_of, sharpen, write_pb
from tests.adopt.onnx import makers as onnx
from tests.cli.makers import levels, pixels
from tfdeblur import Restorer
from tfdeblur.adopt.adopt import adopt
from tfdeblur.cli.main import main
from tfdeblur.errors import InvalidInput

WEIGHTS = 100_000


def with_many_weights(image):
    """Also holds so many weights that each copy of them shows in the size of a file."""
    vast = np.random.default_rng(0).standard_normal(WEIGHTS).astype(np.float32)
    sharpen(image + tf.reduce_mean(tf.constant(vast)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adopted")
    return adopt(write_pb(folder / "a.pb", graph_of(with_many_weights)), folder / "model")


@pytest.fixture(scope="module")
def fixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fixed")
    graph = graph_of(lambda image: sharpen(image, down=1), sides=(64, 96))
    return adopt(write_pb(folder / "a.pb", graph), folder / "model")


def test_served_and_local_pixels_are_the_same(model, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(levels(45, 39)).save(photo)
    command = ["export", "--model", str(model), "--root", str(tmp_path / "served")]
    assert main([*command, "--fixed-tile", "192"]) == 0
    with LocalService(tmp_path / "served" / "models.config") as service:
        command = ["request", str(photo), "--out", str(tmp_path / "far")]
        assert main([*command, "--target", service.target]) == 0
    assert main(["deblur", str(photo), "--out", str(tmp_path / "near"), "--model", str(model)]) == 0
    far, near = (pixels(tmp_path / place / "photo.png").astype(int) for place in ("far", "near"))
    assert np.abs(far - near).max() <= 1
    assert np.abs(near - levels(45, 39)).max() > 10  # it does something


def test_its_weights_are_written_once(model, tmp_path):
    restorer = Restorer.from_preset(model, passes=3)
    version = export_model(restorer, tmp_path)
    size = (version / "saved_model.pb").stat().st_size
    assert 4 * WEIGHTS < size < 8 * WEIGHTS
    image = levels(20, 24)
    served = run_signatures(version, image[None])["serving_uint8"]["restored_u8"][0]
    assert np.abs(served.astype(int) - restorer(image).image).max() <= 1
    described = json.loads((version / MANIFEST).read_text())
    adopted = json.loads((model / "adopted.json").read_text())
    assert described["settings"]["graph_sha256"] == adopted["graph_sha256"]


def test_one_size_only(fixed, tmp_path):
    version = export_model(fixed, tmp_path, warmup=[(64, 96)])
    image = levels(50, 90)
    served = run_signatures(version, image[None])["serving_uint8"]["restored_u8"][0]
    assert np.abs(served.astype(int) - Restorer.from_preset(fixed)(image).image).max() <= 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="images of at most 96x64 pixels"):
        served_model(fixed).restore(tf.zeros((1, 65, 40, 3)))


def test_sizes_that_it_does_not_take_are_refused_before_anything_is_written(fixed, tmp_path):
    for options in ({"warmup": [(64, 97)]}, {"fixed_tile": 192}):
        with pytest.raises(InvalidInput, match="must be at most 96x64 pixels"):
            export_model(fixed, tmp_path, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{}, {"passes": 2}])
def test_an_onnx_file_says_that_it_cannot_be_exported(options, tmp_path, capsys):
    source = onnx.write(tmp_path / "a.onnx", onnx.model_of())
    folder = adopt(source, tmp_path / "model")
    with pytest.raises(InvalidInput, match="is an ONNX file, which onnxruntime runs: it cannot be"):
        served_model(Restorer.from_preset(folder, **options))
    assert main(["export", "--model", str(folder), "--root", str(tmp_path / "served")]) == 3
    assert "adopt the SavedModel that it was made of" in capsys.readouterr().err
    assert not (tmp_path / "served").exists()
