"""A version loaded as TensorFlow Serving loads it, for tests to send requests to."""

import contextlib

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from export.graph.self_check import _quiet

MAX_PIXELS = 20_000  # of the Bi-Skip that tests share


class V1:
    """Runs signatures of a version; unlike `Session.run`, without a look at shapes first."""

    def __init__(self, folder, session):
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
        self.signatures = {
            key: signature
            for key, signature in loaded.signature_def.items()
            if not key.startswith("__")
        }
        self._runs = {
            key: (list(signature.outputs), self._callable(session, signature))
            for key, signature in self.signatures.items()
        }

    @staticmethod
    def _callable(session, signature):
        options = config_pb2.CallableOptions()
        options.feed.extend(info.name for info in signature.inputs.values())
        options.fetch.extend(info.name for info in signature.outputs.values())
        return session._make_callable_from_options(options)

    def __call__(self, key, value):
        """The outputs by name; of one that has only one, that one."""
        names, run = self._runs[key]
        outputs = dict(zip(names, run(value), strict=True))
        return outputs.popitem()[1] if len(outputs) == 1 else outputs


@contextlib.contextmanager
def loaded(folder):
    # Not `with session`: tests trace graphs of their own meanwhile.
    session = tf.compat.v1.Session(graph=tf.Graph())
    with contextlib.closing(session):
        with session.graph.as_default(), _quiet():
            v1 = V1(folder, session)
        yield v1


class Scale:
    """A network with one weight: cheap to write, load and run."""

    size_multiple = 4

    def __init__(self, factor=0.9):
        self.variables = [tf.Variable(factor, name="factor")]

    def __call__(self, image, training):
        return image * self.variables[0]


class Compiled(Scale):
    """A network that asks for XLA, which TensorFlow Serving has switched off."""

    def __call__(self, image, training):
        call = super().__call__
        return tf.function(lambda image: call(image, training), jit_compile=True)(image)


def png(image, **options):
    return tf.io.encode_png(image, **options).numpy()


def pixels(restored_bytes):
    return tf.io.decode_png(restored_bytes).numpy()


def random_u8(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
