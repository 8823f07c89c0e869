"""Which arithmetic a network is run in (TensorFlow is loaded only where it must be asked)."""

import os
from collections.abc import Mapping
from typing import Any

from tfdeblur import processor
from tfdeblur.errors import InvalidInput

AUTO = "auto"
PRECISIONS = (AUTO, "float32", "bfloat16")
MOST_COST_DB = 0.01  # what bfloat16 may cost, as a card says, to be taken unasked


def chosen_precision(precision: str, *networks: Any) -> str:
    """The arithmetic that is meant: "float32" or "bfloat16".

    Args:
        precision: one of these, which is returned, or "auto": bfloat16 where this machine is fast
            in it (`fast_bfloat16`) and all networks are known to lose less than `MOST_COST_DB`
            by it, else float32.
        networks: what is run; their `bfloat16_costs_db`, dB, comes from their card. Those without
            one, or with None there, are run in float32 unless told otherwise.

    Raises:
        InvalidInput: if `precision` is none of the three.
    """
    if precision not in PRECISIONS:
        raise InvalidInput(
            f"`precision` must be one of {', '.join(PRECISIONS)}. Received: precision={precision!r}"
        )
    if precision != AUTO:
        return precision
    costs = [getattr(network, "bfloat16_costs_db", None) for network in networks]
    known = bool(costs) and all(cost is not None and cost < MOST_COST_DB for cost in costs)
    return "bfloat16" if known and fast_bfloat16() else "float32"


def fast_bfloat16() -> bool:
    """Whether `graph.arithmetic` takes bfloat16 here, and the processor has instructions for it.

    Not with a GPU, which runs such graphs in float32, nor where oneDNN is switched off, which
    does the work.
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" or not processor.has_bfloat16():
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def precision_of(restorer: Any) -> str | None:
    """The arithmetic that a restorer's networks are run in; None where it has none."""
    return getattr(restorer, "precision", None)


def precision_of_all(restorers: Mapping[str, Any]) -> str | None:
    """That of several restorers, by name: one word where they agree, else that of each."""
    found = {name: precision_of(restorer) for name, restorer in restorers.items()}
    if len(set(found.values())) <= 1:
        return next(iter(found.values()), None)
    return ", ".join(f"{name} {precision}" for name, precision in found.items())
