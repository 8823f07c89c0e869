"""Which settings of the section `network` go together."""

from collections.abc import Sequence

from tfdeblur.config.sections import TrainConfig, flatten
from tfdeblur.config.sizes import scales_of, size_multiple
from tfdeblur.errors import InvalidInput

_OF_BI_SKIP = {"network.blocks": "residual", "network.channels": (), "network.depths": ()}


def check_network(config: TrainConfig) -> None:
    """Raises InvalidInput where unshuffling, blocks, channels or depths cannot be built."""
    network = config.network
    if config.model == "maxim" and network.unshuffle != 1:
        _refuse(config, "network.unshuffle", "1 for MAXIM")
    if config.model == "biskip" or (config.model == "rpgan" and config.rpgan.prior == "biskip"):
        _check_blocks(config)
    else:
        for name, default in _OF_BI_SKIP.items():
            if flatten(config)[name] != default:
                _refuse(config, name, "left out but for Bi-Skip")
    multiple = size_multiple(config)
    if config.model == "biskip" and config.data.crop % multiple:
        _refuse(config, "data.crop", f"a multiple of {multiple} for this network")


def _check_blocks(config: TrainConfig) -> None:
    channels, depths = config.network.channels, config.network.depths
    step = 2 if config.network.blocks == "gated" else 1
    if channels and not (len(channels) >= 2 and _all_whole(channels, step)):
        text = "even numbers, at least 2," if step == 2 else "numbers, at least 1,"
        _refuse(config, "network.channels", f"two or more {text} one a scale")
    wanted = 2 * scales_of(config.network) - 1
    if depths and not (len(depths) == wanted and min(depths) >= 0):
        text = f"{wanted} numbers, at least 0, for {scales_of(config.network)} scales"
        _refuse(config, "network.depths", text)


def _all_whole(numbers: Sequence[int], step: int) -> bool:
    return all(number >= step and number % step == 0 for number in numbers)


def _refuse(config: TrainConfig, name: str, text: str) -> None:
    value = flatten(config)[name]
    raise InvalidInput(f"`{name}` must be {text}. Received: {name}={value!r}")
