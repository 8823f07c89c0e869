"""What is wrong with a pair, if anything."""

from dataclasses import dataclass

import cv2
import numpy as np

from tfdeblur.data.check.kernels import Kernel, kernels_of, senses
from tfdeblur.data.folders import Pair
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import read_image, to_uint8

_SMALLEST = 64  # pixels a side
# A kernel tells something if it explains the blur,
_MASS = (0.6, 1.2)
# and tells on which side of the sharp frame more time passed if its path is long enough for frames
# to lie apart, not folded (both ends well away from the origin) and narrow.
LONG, _ENDS, _NARROW = 6.0, 0.45, 0.1
OFF = 0.06  # imbalance; half a frame of 8 is 0.125, of 10 is 0.1
SURE = 2.5  # standard errors of the median over places
_SWAPPED = 1.5  # times: how much worse the blur is explained than its reverse
# Part of the gradients that is left over where two images do not show the same. Measured on GOPRO
# and REDS: 0.48 at most in pairs, 0.95 at least between images of different pairs.
_UNLIKE = 0.75
_SHIFTED = 2.0  # pixels
WRONG = ("off middle", "misaligned", "swapped", "not alike")  # verdicts


@dataclass(frozen=True)
class PairCheck:
    """What was found in a pair.

    Attributes:
        name: of the pair.
        verdict: "middle", "off middle", "misaligned", "swapped", "not alike", "sharp" (no blur to
            speak of) or "undecided".
        reason: for people; "" where all is well.
        imbalance: median over places, see `Kernel`; None if none tells.
        length: pixels, of the blur, median over places.
        centroid: pixels from the sharp image to the middle of the blur, median over places.
        forward, reverse: part of the blurred (sharp) image's gradients that the best kernel leaves
            over, medians over places.
    """

    name: str
    verdict: str
    reason: str
    imbalance: float | None
    length: float
    centroid: float
    forward: float
    reverse: float

    @property
    def is_bad(self) -> bool:
        """Whether the pair should not be trained on as it is."""
        return self.verdict in WRONG


def check_pair(pair: Pair) -> PairCheck:
    """Checks the pair of two files.

    Raises:
        DataError, InvalidInput: if one cannot be read, they differ in size, or have less than
            64 pixels a side.
    """
    blurred, sharp = (to_uint8(read_image(path).rgb) for path in (pair.blurred, pair.sharp))
    return check_images(pair.name, blurred, sharp)


def check_images(name: str, blurred: np.ndarray, sharp: np.ndarray) -> PairCheck:
    """Checks two images, uint8 `(height, width, 3)`; raises InvalidInput as `check_pair`."""
    if blurred.shape != sharp.shape or min(sharp.shape[:2]) < _SMALLEST:
        raise InvalidInput(
            f"{name}: blurred and sharp must have the same size, at least {_SMALLEST} pixels a "
            f"side. Received: {blurred.shape[:2]}, {sharp.shape[:2]} (height x width)"
        )
    one, other = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).astype(np.float32) for x in (blurred, sharp))
    there, back = kernels_of(other, one), kernels_of(one, other)
    forward, reverse = (float(np.median([k.residual for k in found])) for found in (there, back))
    verdict, reason, imbalance = _judge(there, forward, reverse)
    return PairCheck(
        *(name, verdict, reason, imbalance),
        length=float(np.median([kernel.length for kernel in there])),
        centroid=float(np.median([np.hypot(*kernel.centroid) for kernel in there])),
        forward=forward,
        reverse=reverse,
    )


def is_sound(kernel: Kernel) -> bool:
    """Whether a kernel explains the blur of its place."""
    return _MASS[0] < kernel.mass < _MASS[1]


def _judge(there: list[Kernel], forward: float, reverse: float) -> tuple[str, str, float | None]:
    """Verdict, reason, imbalance."""
    if min(forward, reverse) > _UNLIKE:
        return "not alike", "no kernel leads from one image to the other", None
    if forward > _SWAPPED * reverse:
        return "swapped", "the image called sharp is a blur of the other one", None
    shifts = [kernel.elsewhere for kernel in there if kernel.elsewhere is not None]
    if len(shifts) > len(there) / 2:
        across, down = np.median(shifts, axis=0)
        if np.hypot(across, down) > _SHIFTED:
            return "misaligned", f"shifted by ({across:+.1f}, {down:+.1f}) pixels", None
    sound = [kernel for kernel in there if is_sound(kernel)]
    if len(sound) < max(1, len(there) // 4):
        return "undecided", "no simple kernel explains the blur", None
    if np.median([kernel.length for kernel in sound]) < 1.5:
        return "sharp", "", None
    telling = [kernel for kernel in sound if kernel.length > LONG / 2]
    if not telling or np.median([kernel.length for kernel in telling]) < LONG:
        return "undecided", "the blur is too short to tell its middle", None
    values = senses(telling) * [kernel.imbalance for kernel in telling]
    median = {
        name: float(np.median([getattr(kernel, name) for kernel in telling]))
        for name in ("ends", "width")
    } | {"imbalance": float(np.median(values))}
    if median["ends"] < _ENDS or median["width"] > _NARROW:
        return "undecided", "the motion turns back within the blur", None
    part = abs(median["imbalance"])
    if part <= OFF:
        return "middle", "", median["imbalance"]
    spread = 1.4826 * float(np.median(np.abs(values - median["imbalance"])))
    if part < SURE * 1.2533 * spread / np.sqrt(len(values)):
        return "undecided", "perhaps off the middle: places disagree", median["imbalance"]
    return (
        "off middle",
        f"{part:.0%} more of the exposure lies on one side of the sharp frame than on the other: "
        "it is not the middle one",
        median["imbalance"],
    )
