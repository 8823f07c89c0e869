"""What a network that restores tells of pairs: where it puts the middle of the blur, and its gains.

A network that learnt from right pairs restores the middle of the exposure. Where the sharp picture
is another moment, it lies off the restored one, along the motion; and whatever is wrong with a
pair, restoring it gains less than restoring the others.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tfdeblur.data.check.kernels import Kernel, kernels_of, senses
from tfdeblur.data.check.pairs import LONG, OFF, SURE, WRONG, is_sound

# A frame beside the middle moves both by as much: of the imbalance one half is on either side.
_OFF_PART = OFF / 2
# A kernel from the restored to the sharp picture tells where it lies if it holds that much, and if
# less of the blur's length is left than was undone: what is still blurred has no place.
_MASS, _LEFT = 0.5, 0.5
_FEWEST = 8  # pairs that a gain is held against
_DEVIATIONS = 3.0  # standard ones, by the median of absolute deviations
_LEAST_LESS = 1.0  # dB below the median that are nothing yet, however alike the others are


@dataclass(frozen=True)
class RestoredPair:
    """What restoring a pair told.

    Attributes:
        name: of the pair.
        before: PSNR of the blurred picture, dB, on 8-bit RGB; None where it is the sharp one.
        gain: dB that the restored one has more; None where either is the sharp one.
        offset: how far the sharp picture lies off the restored one along the motion, as part of
            the blur's length, median over places, 0 or more; None where too few places tell.
        sure: the standard error of that; None as well.
        verdict: "" where all is well, "off middle", "loses" (restored it is further from its
            sharp partner than blurred) or "gains less" (than the others).
        reason: for people; "" where all is well.
    """

    name: str
    before: float | None
    gain: float | None
    offset: float | None
    sure: float | None
    verdict: str = ""
    reason: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the pair should not be trained on as it is."""
        return bool(self.verdict)


def measure_restored(
    name: str, blurred: np.ndarray, sharp: np.ndarray, restored: np.ndarray
) -> RestoredPair:
    """Measures a pair and its restored picture, which is not judged yet.

    Args:
        name: of the pair.
        blurred, sharp, restored: uint8 `(height, width, 3)`, at least 64 pixels a side.
    """
    before, after = (_psnr(sharp, image) for image in (blurred, restored))
    gain = None if before is None or after is None else after - before
    return RestoredPair(name, before, gain, *_offset(blurred, sharp, restored))


def judge_restored(
    pairs: Sequence[RestoredPair], verdicts: Mapping[str, str] | None = None
) -> list[RestoredPair]:
    """The same pairs with their verdicts.

    The offset is judged where kernels say nothing of the middle, or that it is not there: they
    look at the pair itself, and a network that restores another camera's blur than it learnt from
    may put the middle beside its place.

    A gain is too small if it lies three standard deviations below the median, where those come
    from the median of absolute deviations, which some wrong pairs do not move. It is held against
    pairs that nothing else says are wrong, eight of them at least; at least 1 dB is asked for.

    Args:
        pairs: as `measure_restored` measured them.
        verdicts: by name, what `PairCheck` says of them: of pairs without blur nothing is to be
            gained, and wrong ones are no measure for the others.
    """
    verdicts = verdicts or {}
    judged = [_judge_alone(pair, verdicts.get(pair.name, "")) for pair in pairs]
    blurred = [pair for pair in judged if verdicts.get(pair.name) != "sharp"]
    gains = [
        pair.gain
        for pair in blurred
        if pair.gain is not None and not pair.is_bad and verdicts.get(pair.name) not in WRONG
    ]
    if len(gains) < _FEWEST:
        return judged
    middle = float(np.median(gains))
    spread = 1.4826 * float(np.median(np.abs(np.array(gains) - middle)))
    least = middle - max(_DEVIATIONS * spread, _LEAST_LESS)
    less = {
        pair.name: dataclasses.replace(
            pair,
            verdict="gains less",
            reason=f"restoring gains {pair.gain:+.1f} dB, where the others gain {middle:+.1f} dB "
            f"in the median and hardly any less than {least:+.1f} dB",
        )
        for pair in blurred
        if pair.gain is not None and pair.gain < least and not pair.is_bad
    }
    return [less.get(pair.name, pair) for pair in judged]


def _judge_alone(pair: RestoredPair, verdict: str) -> RestoredPair:
    """What can be said without the others; `verdict` is that of the kernels."""
    if verdict == "sharp":
        return pair
    if verdict != "middle" and pair.offset is not None and pair.sure is not None:
        if pair.offset > max(_OFF_PART, SURE * pair.sure):
            reason = (
                f"the sharp picture lies {pair.offset:.1%} of the blur's length off the restored "
                "one, along the motion: it is not the middle"
            )
            return dataclasses.replace(pair, verdict="off middle", reason=reason)
    if pair.gain is not None and pair.gain < 0:
        reason = f"restored it is {-pair.gain:.1f} dB further from the sharp picture than blurred"
        return dataclasses.replace(pair, verdict="loses", reason=reason)
    return pair


def _psnr(one: np.ndarray, other: np.ndarray) -> float | None:
    """dB on 8-bit RGB; None where both are the same."""
    error = float(np.mean((one.astype(np.float32) - other) ** 2))
    return 10 * float(np.log10(255**2 / error)) if error else None


def _tells(blur: Kernel, shift: Kernel) -> bool:
    return shift.mass > _MASS and shift.length < _LEFT * blur.length


def _offset(
    blurred: np.ndarray, sharp: np.ndarray, restored: np.ndarray
) -> tuple[float | None, float | None]:
    """Offset and its standard error, over the places whose blur and restored picture tell."""
    from_blurred, to_sharp, from_restored = (
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        for image in (blurred, sharp, restored)
    )
    blurs, shifts = kernels_of(to_sharp, from_blurred), kernels_of(from_restored, to_sharp)
    telling = [
        (blur, shift)
        for blur, shift in zip(blurs, shifts, strict=True)
        if is_sound(blur) and blur.length > LONG / 2 and _tells(blur, shift)
    ]
    if len(telling) < max(2, len(blurs) // 4):
        return None, None
    if np.median([blur.length for blur, _ in telling]) < LONG:
        return None, None
    along = [np.dot(shift.centroid, blur.direction) / blur.length for blur, shift in telling]
    values = senses([blur for blur, _ in telling]) * along
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    return abs(middle), 1.2533 * spread / float(np.sqrt(len(values)))
