"""What the loss files share: a mean per image, and a holder that saving does not look into."""

import keras
from keras import ops

from tfdeblur.errors import InvalidInput


def mean_per_image(values):
    """Mean over all axes but the first: float `(batch, ...)` -> `(batch,)`."""
    return ops.mean(values, axis=tuple(range(1, len(values.shape))))


class PerImage(keras.losses.Loss):
    """Base of losses whose `call` gives one value per image: float32 whatever the policy.

    Args:
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch (`keras.losses.Loss`).
    """

    def __init__(self, name=None, reduction="sum_over_batch_size"):
        super().__init__(name=name, reduction=reduction, dtype="float32")


class Unsaved:
    """Holds a network that must not end up in the weights of whoever holds the loss.

    `save_weights` walks every attribute of every `KerasSaveable`. A `Loss` is one, so a
    trainer that holds a loss that holds a VGG as a plain attribute writes 7 MB of constants
    into each checkpoint (measured with Keras 3.15). Saving does not walk into this class,
    which is an ordinary object, nor does a layer track the weights of what it holds.

    Args:
        network: callable, images -> features.

    Raises:
        InvalidInput: if `network` cannot be called.
    """

    def __init__(self, network):
        if not callable(network):
            raise InvalidInput(
                "`features` must be callable, from images to features. "
                f"Received: features={network!r}. Pass VGGFeatures(...)."
            )
        self.network = network

    def __call__(self, image):
        # training=False is not passed: plain functions serve as features too, and a frozen
        # VGG has no layer that behaves differently in training.
        return self.network(image)

    def serialize(self):
        """Config of the network, as Keras writes it."""
        return keras.saving.serialize_keras_object(self.network)

    @staticmethod
    def deserialize(config):
        """The network (or None) that a config, or a network itself, stands for."""
        if isinstance(config, dict):
            return keras.saving.deserialize_keras_object(config)
        return config
