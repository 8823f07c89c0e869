"""Configuration of a training run: frozen dataclasses, JSON on disk, overrides by dotted name.

Standard library only: the command line reads it before keras or tensorflow is imported.
"""

from tfdeblur.config.checks import check
from tfdeblur.config.sections import (
    DataConfig,
    LossConfig,
    NetworkConfig,
    OptimizerConfig,
    RPGANConfig,
    RunConfig,
    SENConfig,
    TrainConfig,
    flatten,
)
from tfdeblur.config.settings import from_json, override, to_json
from tfdeblur.config.sizes import size_multiple

__all__ = [
    "DataConfig",
    "LossConfig",
    "NetworkConfig",
    "OptimizerConfig",
    "RPGANConfig",
    "RunConfig",
    "SENConfig",
    "TrainConfig",
    "check",
    "flatten",
    "from_json",
    "override",
    "size_multiple",
    "to_json",
]
