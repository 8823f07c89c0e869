"""What a restorer is, in one line: its networks, how they are run, where the weights come from."""

from typing import Any

from tfdeblur.models.shipped import shipped_presets


def described(restorer: Any, networks: Any, *told: str) -> str:
    """One line about a restorer.

    Args:
        restorer: its class is named, and its `source`, if it says one.
        networks: a network, or a tuple of them.
        told: what else there is to tell, in words.
    """
    several = networks if isinstance(networks, tuple) else (networks,)
    names = " and ".join(type(one).__name__ for one in several)
    counts = [count for one in several if (count := _parameters(one)) is not None]
    parts = [f"{sum(counts):,} parameters"] if len(counts) == len(several) else []
    parts += told
    if restorer.source:
        parts.append(restorer.source)
    return f"<{type(restorer).__name__}: {', '.join([names, *parts])}>"


def _parameters(network: Any) -> int | None:
    count = getattr(network, "count_params", None)
    return None if count is None else int(count())


def weights_of(name: str) -> str:
    """Where weights come from that a name or path stands for, in words."""
    return f"weights of the preset {name}" if name in shipped_presets() else f"weights from {name}"


def say_source(restorer: Any, source: str) -> None:
    """Lets a restorer say where its weights come from; what wraps another says what that says."""
    inner = getattr(restorer, "restorer", restorer)
    if hasattr(inner, "source"):
        inner.source = source
