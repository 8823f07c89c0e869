"""The reader of graph models. What it refuses: `tests/cli/test_convert.py`."""

import hashlib

import numpy as np
import pytest

from tests.convert.makers import Graph, packed, write
from tfdeblur.convert.graph_model import Node, read_graph_model
from tfdeblur.convert.package import open_package
from tfdeblur.errors import DataError


def read(source, progress=None):
    with open_package(source) as package:
        return read_graph_model(package, progress)


def test_constants_of_every_type_across_the_ends_of_shards(tmp_path):
    graph = Graph({})
    graph.constant("truth", np.array([True, False, True]))  # what follows is not aligned
    graph.constant("scalar", np.float32(0.5))
    graph.constant("numbers", np.arange(-5, 7, dtype="int32").reshape(3, 4))
    graph.constant("none", np.zeros((0, 4), "int32"))
    graph.constant("kernel", np.random.default_rng(0).standard_normal((3, 3, 2, 5), "float32"))
    found = read(write(tmp_path / "package", graph)).constants
    assert list(found) == list(graph.constants)
    for name, value in graph.constants.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape
        np.testing.assert_array_equal(found[name], value)


def test_nodes(tmp_path):
    graph = Graph({})
    graph.node("image", "Placeholder")
    graph.node("sum", "AddV2", "image:0", "split:1", "^before")
    graph.dense("stage_0", "image", "abcg,gf->abcf")
    nodes = read(write(tmp_path / "package", graph)).nodes
    assert nodes["sum"] == Node("sum", "AddV2", ("image", "split:1"), {})
    assert nodes["image"].inputs == ()
    assert nodes[graph.nodes[-1]["name"]].text("equation") == "abcg,gf->abcf"


@pytest.mark.parametrize("value", [None, 3, {}, {"s": 3}, {"s": "no base64!"}, {"s": "/w=="}])
def test_attributes_that_are_no_text_are_empty(value):
    assert Node("n", "Einsum", (), {"equation": value}).text("equation") == ""
    assert Node("n", "Einsum", (), {}).text("equation") == ""


def test_an_archive_gives_what_its_folder_gives(tmp_path):
    folder = write(tmp_path / "package")
    lines = []
    one, two = read(folder, lines.append), read(packed(tmp_path))
    assert one.nodes == two.nodes and one.digests == two.digests
    assert all(np.array_equal(one.constants[name], two.constants[name]) for name in one.constants)
    assert len(lines) == 2 and "reading 13 constants from 3 files" in lines[1]
    for name, digest in one.digests.items():
        assert hashlib.sha256((folder / "models" / name).read_bytes()).hexdigest() == digest


def test_weights_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("tfdeblur.limits.MOST_BYTES_OF_A_PACKAGE", 1000)
    with pytest.raises(DataError, match="more than 1e-06 GB of weights"):
        read(write(tmp_path / "package"))
