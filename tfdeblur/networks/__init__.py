"""Networks. This folder imports keras and numpy only, so that any Keras backend can run it."""

from tfdeblur.networks.bi_skip import BiSkip
from tfdeblur.networks.critics import Critic
from tfdeblur.networks.maxim import Maxim
from tfdeblur.networks.rp_gan import ArtifactCritic, Discriminator, RPGANGenerator
from tfdeblur.networks.sen import SEN

__all__ = [
    "SEN",
    "ArtifactCritic",
    "BiSkip",
    "Critic",
    "Discriminator",
    "Maxim",
    "RPGANGenerator",
    "VGGFeatures",
]


def __getattr__(name):
    if name == "VGGFeatures":  # brings keras.applications: only who needs it pays for it
        from tfdeblur.networks.features import VGGFeatures

        return VGGFeatures
    raise AttributeError(f"module 'tfdeblur.networks' has no attribute {name!r}")
