"""Networks that stand for SEN and for a generator, photographs, and scripts of answers."""

import numpy as np
import tensorflow as tf

from tests.helpers import noise, picture
from tfdeblur.operators import MotionBlur
from tfdeblur.restorers.blind.one_pass import BlindSettings

SETTINGS = BlindSettings((0.02, 0.05))
MOTION = (6.0, -3.0)


class Network:
    """Stands for a network: a function of the image."""

    def __init__(self, function, size_multiple=4):
        self.function = function
        self.size_multiple = size_multiple

    def __call__(self, image, training):
        return self.function(image)


def motion(u, v):
    """A SEN that sees the same motion everywhere."""
    return Network(lambda image: tf.zeros_like(image[..., :2]) + (u, v), size_multiple=64)


SEN = motion(*MOTION)
KEEP = Network(lambda images: images[..., :3])  # what was deconvolved
LOCAL = Network(  # sees a few pixels of both images
    lambda images: 0.8 * images[..., :3] + 0.2 * tf.nn.avg_pool2d(images[..., 3:], 5, 1, "SAME")
)


def blurred(height=24, width=32, seed=0, flow=MOTION):
    sharp = np.clip(picture(height, width, seed=seed) + 0.08 * noise(height, width, 3), 0, 1)
    field = np.broadcast_to(np.float32(flow), (height, width, 2))
    return MotionBlur(field).apply(sharp[None])[0].numpy()


def scripted(restorer, monkeypatch, *, flows=None, results=None):
    """Lets the networks return these, call by call."""

    def replay(values):
        values = iter(values)
        return lambda image, plan, after_tile: after_tile() or next(values)(image)

    for network, values in ((restorer.sen, flows), (restorer.generator, results)):
        if values is not None:
            monkeypatch.setattr(network, "in_tiles", replay(values))
    return restorer


def still(length):
    """A constant flow to the right, as `scripted` takes it."""
    return lambda image: np.zeros((*image.shape[:2], 2), "float32") + np.float32([length, 0])
