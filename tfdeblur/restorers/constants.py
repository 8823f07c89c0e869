"""Networks whose weights stand in the graph as constants, not as variables.

TensorFlow's graph optimiser fuses some operations, and folds others away, only where weights are
constants: MAXIM at 512x512 takes 1.28 s with constants and 1.78 s with variables on two cores of
an AMD EPYC with AVX-512 (docs/speed.md). TensorFlow keeps such weights about ten times over; with
only those below 16 KiB as constants MAXIM held 0.15 GB less, and took a twentieth longer.
"""

import keras
import tensorflow as tf


def wants_constants(network) -> bool:
    """Whether graphs of this network are to hold its weights as constants: it says so itself."""
    return bool(getattr(network, "constant_weights", False)) and bool(network.built)


class ConstantWeights:
    """Calls a Keras network with the weights that it had when the graph was made.

    Within one graph each weight is one constant, however often the network is called. Outside of
    graphs the network is called as it is.

    Args:
        network: built `keras.Model`, on TensorFlow.

    Call arguments:
        image: as the network takes it.
        training: bool.
    """

    def __init__(self, network):
        self._network = network
        self._graph = None  # the latest, which `_constants` belong to
        self._constants = []

    def __call__(self, image, training=False):
        """See the class."""
        if tf.executing_eagerly():
            return self._network(image, training=training)
        self._prepare(tf.compat.v1.get_default_graph())
        with keras.StatelessScope(state_mapping=self._constants):
            return self._network(image, training=training)

    def _prepare(self, graph):
        if graph is self._graph:
            return
        variables = self._network.variables
        with tf.init_scope():  # values can be read outside of graphs only
            values = [variable.numpy() for variable in variables]
        self._constants = list(zip(variables, map(tf.constant, values), strict=True))
        self._graph = graph
