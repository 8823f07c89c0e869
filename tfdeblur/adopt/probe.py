"""Finds out how a network of others is called, and whether it restores images at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tfdeblur import limits
from tfdeblur.adopt.running import SMALLEST_FIXED, CannotRun, Input, Running, probe_sizes
from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.description import TOPS, Probe
from tfdeblur.restorers.images import MAX_MEAN_CHANGE

_FIXED = (64, 96, 128, 192, 256, 320, 384, 512)  # that are tried where no multiple is taken
_KEPT = 0.1  # a mean change of a picture that leaves no doubt of what white is
Tell = Callable[[str], None]


@dataclass(frozen=True)
class _Sizes:
    """Which sizes are taken, and the outputs that have the size of the input there."""

    given: Input
    multiple: int
    fixed: tuple[int, int] | None
    example: tuple[int, int]
    outputs: tuple[str, ...]


def probe_network(
    running: Running, named: Sequence[str], wanted: str | None, top: int | None, tell: Tell
) -> Probe:
    """Runs a network on small pictures of many sizes.

    Args:
        running: the network.
        named: tensors that the file names as its results; empty where it names none.
        wanted: the one that the caller asks for, or None.
        top: 1 or 255, what white is; None: to be found out.
        tell: called with lines of text.

    Raises:
        InvalidInput: if there is no tensor `wanted`.
        DataError: if it is no network that restores RGB images, with the reason.
    """
    possible = running.inputs()
    outputs = running.outputs(possible[0].name, named, wanted)
    sizes = _find_sizes(running, possible, outputs)
    given, output = sizes.given, sizes.outputs[-1]
    if len(outputs) > 1:
        others = ", ".join(name for name in outputs if name != output)
        tell(f"has {len(outputs)} results: {output} is taken; not {others} (see --output)")
    white = _find_top(running, given, output, sizes.example, top, tell)
    image = white * picture(*sizes.example)[None]
    largest = running.largest_bytes(output, given, image)
    return Probe(
        input=given.name,
        output=output,
        top=white,
        multiple=sizes.multiple,
        fixed=sizes.fixed,
        batches=_takes_batches(running, given, output, image),
        largest_bytes=largest / (sizes.example[0] * sizes.example[1]),
        channels_first=given.channels_first,
    )


def picture(height: int, width: int) -> np.ndarray:
    """Waves of several lengths and an edge, float32 `(height, width, 3)` in [0, 1]."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    waves = [
        np.sin(rows / (7 + 2 * c)) + np.cos(columns / (9 - c)) + (rows + c * columns > height)
        for c in range(3)
    ]
    return np.clip(0.4 + 0.15 * np.stack(waves, axis=-1), 0, 1).astype(np.float32)


def _find_sizes(running: Running, possible: Sequence[Input], outputs: tuple[str, ...]) -> _Sizes:
    """The order of axes, and the smallest multiple that is taken, or the one size.

    Raises:
        DataError: if nothing that was tried gives an image like the input.
    """
    reasons: list[str] = []
    for given in possible:
        found = _sizes_of(running, given, outputs, reasons)
        if found is not None:
            return found
    raise DataError(
        f"{running.where} does not restore images: {reasons[0]}. A restorer gives an RGB image of "
        "the size of the one it takes. To take an inner result, name it with --output."
    )


def _sizes_of(
    running: Running, given: Input, outputs: tuple[str, ...], reasons: list[str]
) -> _Sizes | None:
    """As `_find_sizes`, for one order of axes; adds reasons, the most telling one first."""

    def fits(size: tuple[int, int]) -> tuple[str, ...]:
        image = picture(*size)[None]
        try:
            results = running.run(outputs, given, image)
        except CannotRun as error:
            reasons.append(f"for {size[1]}x{size[0]} it fails: {error}")
            return ()
        pairs = list(zip(outputs, results, strict=True))
        found = tuple(name for name, result in pairs if result.shape == image.shape)
        if not found:
            finest = max((result.shape for _, result in pairs), key=np.prod)
            reasons.insert(0, _other_shape(size, finest))
        return found

    height, width = given.sides
    if height is not None or width is not None:
        size = (height or width or 0, width or height or 0)
        _check_fixed(running.where, size)
        found = fits(size)
        return _Sizes(given, 1, size, size, found) if found else None
    for multiple, tried in probe_sizes():
        found = fits(tried[0])
        if found:
            found = tuple(name for name in fits(tried[1]) if name in found)
        if found:
            return _Sizes(given, multiple, None, tried[0], found)
    for side in _FIXED:
        found = fits((side, side))
        if found:
            return _Sizes(given, 1, (side, side), (side, side), found)
    return None


def _check_fixed(where: str, size: tuple[int, int]) -> None:
    if min(size) < SMALLEST_FIXED or max(size) > limits.MOST_PIXELS_OF_A_FIXED_SIDE:
        raise DataError(
            f"{where} takes images of {size[1]}x{size[0]} only. Tiles of one size must have "
            f"{SMALLEST_FIXED} to {limits.MOST_PIXELS_OF_A_FIXED_SIDE} pixels a side."
        )


def _other_shape(size: tuple[int, int], shape: tuple[int, ...]) -> str:
    if len(shape) != 4:
        return f"of an image it makes an array of shape {shape}"
    if shape[1:3] == size:
        return f"of an RGB image it makes one of {shape[3]} channels"
    return f"of an image of {size[1]}x{size[0]} it makes one of {shape[2]}x{shape[1]}"


def _find_top(
    running: Running,
    given: Input,
    output: str,
    size: tuple[int, int],
    wanted: int | None,
    tell: Tell,
) -> int:
    """What white is: that for which the result is nearest to the picture.

    Raises:
        DataError: if results are not finite, or far from the picture for every one.
    """
    image = picture(*size)
    changes, reasons = {}, {}
    for top in TOPS if wanted is None else (wanted,):
        (result,) = running.run([output], given, top * image[None])
        bad = np.count_nonzero(~np.isfinite(result))
        changes[top] = np.inf if bad else float(np.abs(result[0] / top - image).mean())
        reasons[top] = f"it changes a picture by {changes[top]:.3g} of its range on average"
        if bad:
            reasons[top] = f"{bad} of its {result.size} values are NaN or infinite"
    best = min(changes, key=lambda top: changes[top])
    # What a network adds to its image hardly shows beside levels up to 255, so that those for 0..1
    # seem the better for them. One for 0..255 would have to keep black to 1/10 of a level.
    if wanted is None and changes[1] <= max(_KEPT, 2 * changes[best]):
        best = 1
    told = ", ".join(f"by {change:.3g} of 0 to {top}" for top, change in changes.items())
    tell(f"changes a picture {told}, on average")
    if not changes[best] <= MAX_MEAN_CHANGE:
        raise DataError(
            f"{running.where} does not restore images: {reasons[best]}, for levels from 0 to "
            f"{' as for 0 to '.join(map(str, changes))}. A restorer keeps a picture much as it is."
        )
    return best


def _takes_batches(running: Running, given: Input, output: str, image: np.ndarray) -> bool:
    """Whether two images at once give what each gives alone."""
    other = image[:, ::-1, ::-1]
    try:
        (both,) = running.run([output], given, np.concatenate([image, other]))
    except CannotRun:
        return False
    alone = [running.run([output], given, one)[0] for one in (image, other)]
    return bool(np.allclose(both, np.concatenate(alone), rtol=1e-3, atol=1e-3 * image.max()))
