"""Which kinds of restorers there are.

They are known by name and imported when they are first asked for: kinds open restorers, some of
which (`Restorer.from_preset`) open kinds.
"""

from importlib import import_module

from tfdeblur.restorers.kind import Kind

# In this order each is asked whether a model is its own; the last takes what no other does.
BUILT_IN = (
    "tfdeblur.restorers.kinds.rp_gan:RPGAN",
    "tfdeblur.restorers.kinds.deconvolution:Deconvolution",
    "tfdeblur.restorers.kinds.adopted_onnx:AdoptedOnnx",
    "tfdeblur.restorers.kinds.adopted:Adopted",
    "tfdeblur.restorers.kinds.network:Network",
)
_registered: list[Kind] = []


def register(kind: Kind) -> None:
    """Adds a kind; it is asked before those that are built in."""
    _registered.append(kind)


def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order in which they are asked."""
    return (*_registered, *map(_built_in, BUILT_IN))


def _built_in(name: str) -> Kind:
    module, _, kind = name.partition(":")
    return getattr(import_module(module), kind)()
