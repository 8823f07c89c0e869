import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_round_trip, noise
from tfdeblur.networks import SEN
from tfdeblur.networks.sen import Enlarge


def test_parameter_counts():
    # The paper gives none; 72 M is what its appendix comes to with skips after each block.
    assert SEN(stacks=1).count_params() == 36_050_855
    assert SEN().count_params() == 72_107_982


def test_front_count_by_hand():
    layers = [layer for layer in SEN(stacks=1).estimators[0].layers if "front" in layer.name]
    kernels = [w for layer in layers for w in layer.weights if w.name == "kernel"]
    by_hand = 49 * 3 * 64 + 25 * 64 * 128 + 25 * 128 * 256
    assert sum(int(np.prod(w.shape)) for w in kernels) == by_hand


@pytest.mark.parametrize("front", ["strided", "dilated"])
def test_flow_has_the_size_of_the_image(front):
    network = SEN(front=front, width=0.1)
    multiple = network.size_multiple
    for rows, columns in [(1, 1), (1, 2), (3, 1)]:
        image = noise(2, rows * multiple, columns * multiple, 3)
        assert network(image).shape == (*image.shape[:3], 2)


def test_both_fronts_have_the_same_weights():
    strided, dilated = (SEN(front=front, width=0.1) for front in ("strided", "dilated"))
    assert [w.shape for w in strided.weights] == [w.shape for w in dilated.weights]


def test_all_stacks_ends_with_the_flow_of_a_call():
    network, image = SEN(stacks=3, width=0.1), noise(1, 64, 64, 3)
    flows = network.all_stacks(image)
    assert len(flows) == len(network.estimators) == 3
    np.testing.assert_array_equal(flows[-1], network(image))
    np.testing.assert_array_equal(flows[0], network.estimators[0](image))


def test_a_later_stack_looks_at_the_flow_before_it():
    network, image = SEN(width=0.1), noise(1, 64, 64, 3)
    first, second = network.estimators
    flow = np.asarray(first(image))
    seen = np.concatenate([image, flow], axis=-1)
    np.testing.assert_allclose(network(image), second(seen), rtol=1e-6)
    assert np.abs(second(seen) - second(np.concatenate([image, flow + 5], -1))).max() > 0


def test_flows_may_be_negative():
    keras.utils.set_random_seed(0)
    flow = np.asarray(SEN(width=0.1)(noise(2, 64, 64, 3)))
    assert (flow < 0).mean(axis=(0, 1, 2)).min() > 0


def test_gradient_reaches_every_weight():
    keras.utils.set_random_seed(0)
    network = SEN(width=0.1, norm="none")
    with tf.GradientTape() as tape:
        flow = network(noise(1, 128, 128, 3), training=True)
        loss = tf.reduce_sum(flow * noise(1, 128, 128, 2, seed=1))
    gradients = tape.gradient(loss, network.trainable_variables)
    reached = [gradient is not None for gradient in gradients]
    assert all(reached)
    assert np.mean([float(tf.norm(gradient)) > 0 for gradient in gradients]) > 0.95  # dead ReLUs


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_round_trip(tmp_path, norm):
    network = SEN(stacks=2, front="dilated", width=0.1, norm=norm)
    assert_round_trip(network, noise(1, 16, 32, 3), tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stacks": 0}, "`stacks` must be a whole number >= 1. Received: stacks=0"),
        ({"front": "wide"}, r"`front` must be one of \['strided', 'dilated'\].*front='wide'"),
        ({"width": 0}, "`width` must be a positive number. Received: width=0"),
        ({"norm": "layer"}, "`norm` must be one of.*norm='layer'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SEN(**arguments)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_enlarging_is_bilinear(factor):
    image = noise(2, 3, 5, 2)
    expected = keras.layers.UpSampling2D(factor, interpolation="bilinear")(image)
    np.testing.assert_allclose(Enlarge(factor)(image), expected, atol=1e-6)


def test_graphs_that_do_not_know_the_size():
    network, image = SEN(width=0.05), noise(1, 128, 64, 3)
    graph = tf.function(network, input_signature=[tf.TensorSpec((None, None, None, 3))])
    np.testing.assert_allclose(graph(image), network(image), atol=1e-5)
