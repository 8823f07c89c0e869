"""Named training configurations (standard library only).

`paper` is the run of the Bi-Skip paper, section 5. `small` fits two CPU cores and an hour; its
figures stand in the README beside the command that made them. `demo` is what `make demo` trains.
"""

from typing import Any

from tfdeblur.config import TrainConfig, override
from tfdeblur.errors import InvalidInput

_PRESETS: dict[str, dict[str, Any]] = {
    # 1,000 epochs for the final model: --epochs 1000.
    "paper": {},
    "small": {
        "network.width": 0.5,
        "network.norm": "none",
        "network.head_initializer": "zeros",
        "data.crop": 192,
        "data.batch": 4,
        "data.turns": True,
        "data.permute_channels": True,
        # Against "2-BS" on the same data: easy samples count more towards the end, which keeps
        # frames sharp that were sharp (README, Results).
        "loss.scheme": "S2-BS",
        "loss.normalise_pace": True,
        "optimizer.name": "adamw",
        "optimizer.learning_rate": 1e-3,
        "optimizer.schedule": "cosine",
        "optimizer.warmup_steps": 200,
        "optimizer.final_factor": 0.01,
        "optimizer.clip_norm": 1.0,
        "optimizer.ema": 0.998,
        "run.precision": "mixed_bfloat16",
        "run.epochs": 24,
        "run.steps_per_epoch": 500,
    },
}
_PRESETS["demo"] = {
    **_PRESETS["small"],
    "network.width": 0.25,
    "data.crop": 128,
    "loss.scheme": "2-BS",
    "run.epochs": 8,
    "run.steps_per_epoch": 200,
    "run.panel_every": 1,
}

PRESETS = tuple(_PRESETS)


def preset(name: str) -> TrainConfig:
    """The training configuration called `name`.

    Raises:
        InvalidInput: if there is none, with the names that exist.
    """
    if name not in _PRESETS:
        raise InvalidInput(f"`--preset` must be one of {list(PRESETS)}. Received: {name!r}")
    return override(TrainConfig(), _PRESETS[name])
