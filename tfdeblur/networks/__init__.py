"""Networks. This folder imports keras and numpy only, so that any Keras backend can run it."""

from tfdeblur.networks.bi_skip import BiSkip
from tfdeblur.networks.critics import Critic

__all__ = ["BiSkip", "Critic", "VGGFeatures"]


def __getattr__(name):
    if name == "VGGFeatures":  # brings keras.applications: only who needs it pays for it
        from tfdeblur.networks.features import VGGFeatures

        return VGGFeatures
    raise AttributeError(f"module 'tfdeblur.networks' has no attribute {name!r}")
