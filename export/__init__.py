"""Export to TensorFlow Serving, a client for it, and a local service that answers alike.

Public names load on first use, so that `import export` loads neither keras, tensorflow nor grpc.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers, which do not look into `__getattr__`
    from export.client.client import DeblurClient as DeblurClient
    from export.graph.saved_model import export_model as export_model
    from export.service.local_service import LocalService as LocalService

_LAZY = {
    "export_model": "export.graph.saved_model",
    "DeblurClient": "export.client.client",
    "LocalService": "export.service.local_service",
}

__all__ = ["DeblurClient", "LocalService", "export_model"]


def __getattr__(name):
    if name in _LAZY:
        from tfdeblur.whole import of_the_whole

        with of_the_whole(f"`export.{name}`"):
            return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'export' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
