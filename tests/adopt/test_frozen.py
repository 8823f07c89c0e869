"""A frozen graph in memory: what is taken out of it, and that nothing else changes."""

import numpy as np
import tensorflow as tf

from tests.adopt.makers import graph_of
from tfdeblur.restorers.adopted.description import Probe
from tfdeblur.restorers.adopted.frozen import FrozenNetwork

HALF = np.full((1, 1, 1, 3), 0.5, np.float32)
LARGE = np.linspace(-1, 1, 3 * 2000, dtype=np.float32).reshape(1, 1, 3, 2000) / 20

COUNTED = np.arange(3 * 2000)


def build(image):
    wide = tf.nn.conv2d(image, tf.constant(LARGE, name="large"), 1, "SAME")
    narrow = tf.nn.conv2d(wide, tf.constant(LARGE.transpose(0, 1, 3, 2), name="back"), 1, "SAME")
    with tf.control_dependencies([tf.constant(LARGE, name="waited_for")]):
        narrow = tf.identity(narrow)
    shifted = narrow * tf.constant(HALF, name="one") + tf.constant(HALF, name="two")
    counted = tf.constant(COUNTED, name="counted")
    tf.add(shifted, tf.cast(tf.reduce_max(counted), tf.float32) * 1e-5, name="result")


def network(graph, output="result:0"):
    probe = Probe("image:0", output, 1, 1, None, batches=True, largest_bytes=12.0)
    return FrozenNetwork(graph, probe)


def test_large_weights_stand_beside_the_graph_and_equal_constants_are_one():
    graph = graph_of(build)
    made = network(graph)
    assert set(made._weights) == {"large:0", "back:0"}
    np.testing.assert_array_equal(made._weights["large:0"], LARGE)
    names = {node.name for node in made._graph.node}
    assert "one" in names and not names & {"two", "large", "back"}
    assert {"waited_for", "counted"} <= names
    assert {"two", "large", "back"} <= {node.name for node in graph.node}  # the caller's is his


def test_it_computes_what_the_graph_computes():
    image = np.random.default_rng(0).random((2, 5, 4, 3), np.float32)
    wanted = image @ LARGE[0, 0] @ LARGE[0, 0].T * 0.5 + 0.5 + 5999e-5
    np.testing.assert_allclose(network(graph_of(build))(tf.constant(image)), wanted, atol=1e-5)


def test_a_result_that_is_a_constant_stays_in_the_graph():
    large = np.random.default_rng(0).random((1, 40, 40, 3), np.float32)

    def constant(image):
        tf.identity(tf.constant(large, name="picture"), name="result")

    made = network(graph_of(constant), "picture:0")
    np.testing.assert_array_equal(made(tf.zeros((1, 40, 40, 3))), large)


def test_weights_are_once_in_a_saved_graph(tmp_path):
    made = network(graph_of(build))

    @tf.function(input_signature=[tf.TensorSpec((1, None, None, 3))])
    def twice(image):
        return made(made(image))

    holder = tf.Module()
    holder.twice = twice
    tf.saved_model.save(holder, str(tmp_path / "saved"))
    image = tf.constant(np.random.default_rng(0).random((1, 6, 7, 3), np.float32))
    again = tf.saved_model.load(str(tmp_path / "saved")).twice(image)
    np.testing.assert_allclose(again, twice(image), atol=1e-6)
    size = sum(path.stat().st_size for path in (tmp_path / "saved").rglob("*") if path.is_file())
    constants = 3 * LARGE.nbytes + COUNTED.nbytes
    assert constants < size < constants + LARGE.nbytes
