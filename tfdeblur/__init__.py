"""tfdeblur: motion deblurring with TensorFlow and Keras.

Public names load on first use, so that ``import tfdeblur`` costs milliseconds
and loads neither keras nor tensorflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers, which do not look into `__getattr__`
    from tfdeblur.config import TrainConfig as TrainConfig
    from tfdeblur.restorers.network import Restorer as Restorer
    from tfdeblur.restorers.protocol import Restored as Restored

__version__ = "0.1.0"

_LAZY = {
    "Restorer": "tfdeblur.restorers.network",
    "Restored": "tfdeblur.restorers.protocol",
    "TrainConfig": "tfdeblur.config",
}

__all__ = ["Restored", "Restorer", "TrainConfig", "__version__"]


def __getattr__(name):
    if name in _LAZY:
        from tfdeblur.whole import of_the_whole

        with of_the_whole(f"`tfdeblur.{name}`"):
            return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'tfdeblur' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
