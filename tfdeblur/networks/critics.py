"""The Wasserstein critic of Bi-Skip (keras only)."""

import keras
from keras import layers

from tfdeblur.networks.blocks import check_options, check_width, scaled


@keras.saving.register_keras_serializable("tfdeblur")
class Critic(keras.Model):
    """Scores how sharp an image looks; trained by WGAN-GP, so the score has no bound.

    Args:
        width: float > 0, multiplies all channel counts.
        channels: int >= 1, input channels: 3, or 4 where the self-paced weight is fed as a plane.

    Call arguments:
        image: float `(batch, height, width, channels)`, colour in [0, 1], any size >= 16.

    Returns:
        float32 `(batch,)`, dimensionless, larger for images taken for sharp; no sigmoid.

    Raises:
        ValueError: if `width` is not positive or `channels` is below 1.

    Source: Zhang et al., Bi-Skip, 2019, section 4.2: sigmoid removed. The paper gives no layers.
        Decision: four 4x4 convolutions with stride 2 (64, 128, 256, 512 channels), one with
        stride 1, LeakyReLU 0.2, the mean over the map of patch scores. No norm of any kind: batch
        norm would couple the images whose gradients the penalty bounds one by one (Gulrajani et
        al., 2017, section 4, arXiv:1704.00028).
    """

    def __init__(self, width=1.0, channels=3, **kwargs):
        check_options(self, kwargs)
        check_width(width)
        if channels < 1:
            raise ValueError(f"`channels` must be at least 1. Received: channels={channels}")

        image = keras.Input((None, None, channels), name="image")
        x = image
        for i, base in enumerate((64, 128, 256, 512)):
            x = layers.Conv2D(scaled(base, width), 4, 2, padding="same", name=f"conv{i}")(x)
            x = layers.LeakyReLU(0.2, name=f"relu{i}")(x)
        x = layers.Conv2D(1, 4, padding="same", dtype="float32", name="patch_scores")(x)
        x = layers.GlobalAveragePooling2D(dtype="float32", name="mean_score")(x)
        score = layers.Reshape((), dtype="float32", name="score")(x)
        super().__init__(image, score, **kwargs)

        self.width = width
        self.channels = channels

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"width": self.width, "channels": self.channels, "name": self.name}
