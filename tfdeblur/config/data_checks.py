"""Which settings of the section `data` go together."""

import math

from tfdeblur.config.sections import TrainConfig, flatten
from tfdeblur.config.sizes import size_multiple
from tfdeblur.errors import InvalidInput


def check_data(config: TrainConfig) -> None:
    """Raises InvalidInput where pairs could not be read, cut or damaged as it is asked for."""
    _check_reading(config)
    _check_late_crops(config)
    if config.data.damage and (config.model == "sen" or _photographs_alone(config)):
        name = "data.noise_share" if config.data.noise_share else "data.jpeg_share"
        raise InvalidInput(
            f"`{name}` damages pairs of blurred and sharp images, and there are none: SEN and "
            "photographs that are blurred while training have no such damage, data.blur=dynamic "
            f"its own (the section `dynamic`). Received: {name}={flatten(config)[name]}"
        )


def _photographs_alone(config: TrainConfig) -> bool:
    return bool(config.data.blur) and not config.data.blur_photos


def _check_late_crops(config: TrainConfig) -> None:
    crop, late = config.data.crop, config.data.crop_late
    if not late:
        return
    if config.model == "rpgan":
        raise InvalidInput(
            "`data.crop_late` must be 0 for RP-GAN, whose buffer holds crops of one size. "
            f"Received: data.crop_late={late}"
        )
    multiple = math.lcm(16, size_multiple(config))
    if late <= crop or late % multiple:
        raise InvalidInput(
            f"`data.crop_late` must be 0, or a multiple of {multiple} above data.crop={crop}. "
            f"Received: data.crop_late={late}"
        )


def _check_reading(config: TrainConfig) -> None:
    """Raises InvalidInput where pairs could not be read as it is asked for."""
    white, pairs = config.data.white_level, config.data.pairs
    if white not in ("auto", "full") and not (white.isdecimal() and 1 <= int(white) <= 65535):
        raise InvalidInput(
            "`data.white_level` must be auto, full or a level, 1 to 65535. "
            f"Received: data.white_level={white!r}"
        )
    if len(pairs) not in (0, 2):
        raise InvalidInput(
            f"`data.pairs` must be two patterns, or none. Received: data.pairs={list(pairs)}"
        )
