"""The inference graph: one trace for all sizes, plain operations only."""

import keras
import numpy as np
import tensorflow as tf

from tests.helpers import picture
from tfdeblur.restorers.graph import arithmetic, inference_body, inference_function, size_multiple


def _network():
    image = keras.Input((None, None, 3))
    return keras.Model(image, image * 1.5)


def test_traced_once_for_all_sizes():
    function = inference_function(_network())
    for shape in ((1, 1, 1, 3), (1, 17, 33, 3), (2, 16, 5, 3)):
        image = np.full(shape, 0.9, np.float32)
        # Not clipped: callers clip once, at their end.
        np.testing.assert_allclose(function(image), 1.5 * image, rtol=1e-6)
    assert function.experimental_get_tracing_count() == 1


def test_the_network_meets_multiples_of_its_stride():
    class Spy:
        size_multiple = 32

        def __call__(self, image, training):
            return tf.ones_like(image) * tf.cast(
                tf.shape(image)[1] + tf.shape(image)[2], tf.float32
            )

    image = np.zeros((1, 33, 5, 3), np.float32)
    np.testing.assert_array_equal(inference_function(Spy())(image), np.full_like(image, 64 + 32))
    assert size_multiple(Spy()) == 32 and size_multiple(_network()) == 16


def test_holds_no_python_functions():
    graph = inference_function(_network()).get_concrete_function().graph
    assert not {"PyFunc", "EagerPyFunc"} & {op.type for op in graph.get_operations()}


def test_can_be_exported(tmp_path):
    network = _network()
    module = tf.Module()
    module.weights = [variable.value for variable in network.variables]
    spec = tf.TensorSpec((None, None, None, 3), tf.float32)
    module.restore = tf.function(inference_body(network), input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path))
    image = picture(5, 7)[None]
    again = tf.saved_model.load(str(tmp_path)).restore(image)
    np.testing.assert_allclose(again, inference_body(network)(image), atol=1e-6)


def test_arithmetic_puts_the_earlier_setting_back():
    switch = "auto_mixed_precision_onednn_bfloat16"
    options = tf.config.optimizer.get_experimental_options
    before = options().get(switch, False)
    with arithmetic("bfloat16"):
        assert options()[switch] is True
    assert options().get(switch, False) == before
    with arithmetic("float32"):
        assert options().get(switch, False) == before
