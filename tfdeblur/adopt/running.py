"""Running a network of others on images, for the probe: whatever runs it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfdeblur import limits
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.near import near_names

SMALLEST_FIXED = 64  # pixels a side, of networks that take one size
_MOST_NAMES = 5  # in a message
_ADDING = ("Add", "AddV2", "Sub", "Sum")


class CannotRun(Exception):
    """A network does not take what it was given, or runs out of memory."""


@dataclass(frozen=True)
class Input:
    """What takes the image.

    Attributes:
        name: of the tensor.
        channels_first: whether it is `(batch, 3, height, width)`.
        sides: the height and width that it demands; None: not said.
    """

    name: str
    channels_first: bool
    sides: tuple[int | None, int | None]

    def laid_out(self, image: np.ndarray) -> np.ndarray:
        """Images `(batch, height, width, 3)` as it takes them."""
        return image.transpose(0, 3, 1, 2) if self.channels_first else image

    def laid_back(self, result: np.ndarray) -> np.ndarray:
        """What comes of them, `(batch, height, width, channels)` where it has four axes."""
        if self.channels_first and result.ndim == 4:
            return result.transpose(0, 2, 3, 1)
        return result


class Running(Protocol):
    """A network that can be run; a context manager.

    Attributes:
        where: the file it comes from, for messages.
    """

    where: str

    def __enter__(self) -> "Running": ...

    def __exit__(self, *_) -> None: ...

    def inputs(self) -> tuple[Input, ...]:
        """The tensor that takes the image, once for each order of axes that it may have.

        Raises:
            DataError: if there is not one that takes RGB images in float32.
        """

    def outputs(self, given: str, named: Sequence[str], wanted: str | None) -> tuple[str, ...]:
        """The tensors that may be the restored image.

        Args:
            given: the tensor that takes the image.
            named: what the file says; empty: whatever no other operator takes.
            wanted: what the caller says, or None.

        Raises:
            InvalidInput: if there is no tensor `wanted`.
            DataError: if none is left, or too many are.
        """

    def run(self, outputs: Sequence[str], given: Input, image: np.ndarray) -> list[np.ndarray]:
        """Results for images float32 `(batch, height, width, 3)`, in that order of axes.

        Raises:
            CannotRun: if it does not take them.
        """

    def largest_bytes(self, output: str, given: Input, image: np.ndarray) -> int:
        """Bytes of the largest tensor that depends on the image, in one run."""


def layouts(where: str, name: str, shape: Sequence[int | None] | None, first: bool) -> list[Input]:
    """The orders of axes that a tensor of this shape may have.

    Args:
        where: the file it comes from, for messages.
        name: of the tensor.
        shape: its sides, None where one is left open; None: nothing is said.
        first: whether channels come first where nothing tells it.

    Raises:
        DataError: if it takes no RGB images.
    """
    orders = (first, not first)
    if shape is None:
        return [Input(name, order, (None, None)) for order in orders]
    found: list[Input] = []
    if len(shape) == 4 and shape[0] in (None, 1):
        said = [order for order in orders if shape[1 if order else 3] == 3]
        # An axis of channels that is left open: the other one must not be one of channels.
        unsaid = [order for order in orders if _open(shape, 1 if order else 3)]
        sides = {True: (shape[2], shape[3]), False: (shape[1], shape[2])}
        found = [Input(name, order, sides[order]) for order in said or unsaid]
    if not found:
        raise DataError(
            f"{where} must take RGB images, of shape (batch, height, width, 3) or (batch, 3, "
            f"height, width). Received: {name} of shape {tuple(shape)}"
        )
    return found


def _open(shape: Sequence[int | None], axis: int) -> bool:
    other = shape[4 - axis]
    return shape[axis] is None and (other is None or other >= SMALLEST_FIXED)


def check_outputs(where: str, found: Sequence[str]) -> tuple[str, ...]:
    """The results that may be images, each once.

    Raises:
        DataError: if there are none, or too many to try.
    """
    kept = tuple(dict.fromkeys(found))
    if not 1 <= len(kept) <= limits.MOST_OUTPUTS:
        raise DataError(
            f"{where} does not restore images: it has {len(kept)} results that may be "
            "images in float32. Name the one to take with --output."
        )
    return kept


def no_such_output(
    where: str, wanted: str, names: Sequence[str], images: Mapping[str, str]
) -> InvalidInput:
    """The error for a tensor that is not there.

    Args:
        where: the file, for messages.
        wanted: what was asked for.
        names: of all tensors or operators.
        images: operators by the names of tensors that may be RGB images, in the order of the graph.
    """
    # A restorer, or a stage of one, mostly adds what it has found to an image.
    sums = [name for name, operator in images.items() if operator in _ADDING]
    near = near_names(wanted.partition(":")[0], names, 3, cutoff=0.5)
    likely = [name for name in reversed(sums or list(images)) if name not in near]
    hint = f" Near to it: {', '.join(near)}." if near else ""
    likely.sort(key=lambda name: wanted not in name)
    if likely:
        told = ", ".join(f"{name:.150}" for name in likely[:_MOST_NAMES])
        hint += f" RGB images, the last first: {told}."
    return InvalidInput(
        f"`output` must be a tensor of {where}. Received: output={wanted!r:.150}.{hint}"
    )


def no_image(wanted: str, dtype: str, shape: object) -> InvalidInput:
    """The error for a tensor that is there, and no image."""
    return InvalidInput(
        f"`output` must be an image in float32. Received: output={wanted!r:.150}, {dtype} of shape "
        f"{shape}"
    )


def probe_sizes() -> Iterator[tuple[int, tuple[tuple[int, int], tuple[int, int]]]]:
    """Multiples, from 1 on, and two sizes each that are multiples of them and of little else."""
    for multiple in (
        *(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64),
        *(80, 96, 112, 128, 160, 192, 256),
    ):
        one = next(count for count in range(1, 99, 4) if count * multiple >= 40)
        yield multiple, ((one * multiple, (one + 2) * multiple), ((one + 2) * multiple,) * 2)
