"""tfdeblur: motion deblurring with TensorFlow and Keras.

Public names load on first use, so that ``import tfdeblur`` costs milliseconds
and loads neither keras nor tensorflow.
"""

from importlib import import_module

__version__ = "0.1.0"

_LAZY = {
    "Restorer": "tfdeblur.restorers.network",
    "Restored": "tfdeblur.restorers.protocol",
    "TrainConfig": "tfdeblur.config",
}

__all__ = ["__version__", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'tfdeblur' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
