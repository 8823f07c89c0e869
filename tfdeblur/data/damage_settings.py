"""What the blurred halves of real pairs suffer while training (standard library only)."""

from dataclasses import dataclass

from tfdeblur.errors import InvalidInput

BEST_JPEG = 95  # the highest quality that is drawn
# Standard deviation, in units of [0, 1]: half the range. Nothing is seen through more, and who
# writes 1 or 20 means levels of 255.
MOST_NOISE = 0.5
NOISE_UNIT = (
    f"at most {MOST_NOISE}: it is a standard deviation in units of the range [0, 1], not in levels "
    "of 255 (for 5 of these, write 0.02)"
)


@dataclass(frozen=True)
class Damage:
    """What is done at random to the blurred half of a crop, in this order.

    Args:
        noise_share: share of the crops, in [0, 1], that get Gaussian noise.
        noise_most: its largest standard deviation, in units of [0, 1], at most `MOST_NOISE`; all
            up to it are equally likely.
        jpeg_share: share of the crops, in [0, 1], that are compressed as JPEG.
        jpeg_least: its lowest quality, 1 to 95; all from there to 95 are equally likely.

    Raises:
        InvalidInput: if one of them is out of range.
    """

    noise_share: float = 0.0
    noise_most: float = 0.03
    jpeg_share: float = 0.0
    jpeg_least: int = 60

    def __post_init__(self) -> None:
        for name, fits, text in (
            ("noise_share", 0 <= self.noise_share <= 1, "from 0 to 1"),
            ("noise_most", 0 < self.noise_most <= MOST_NOISE, f"above 0 and {NOISE_UNIT}"),
            ("jpeg_share", 0 <= self.jpeg_share <= 1, "from 0 to 1"),
            ("jpeg_least", 1 <= self.jpeg_least <= BEST_JPEG, f"1 to {BEST_JPEG}"),
        ):
            if not fits:
                raise InvalidInput(
                    f"`data.{name}` must be {text}. Received: data.{name}={getattr(self, name)!r}"
                )

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return self.noise_share > 0 or self.jpeg_share > 0

    def describe(self) -> str:
        """What is done, for people and logs."""
        parts = []
        if self.noise_share:
            parts.append(f"noise up to {self.noise_most:g} on a share of {self.noise_share:g}")
        if self.jpeg_share:
            parts.append(f"JPEG from quality {self.jpeg_least} on a share of {self.jpeg_share:g}")
        return " and ".join(parts)
