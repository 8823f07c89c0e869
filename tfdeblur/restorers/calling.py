"""What every restorer takes: arrays, files, PIL images and lists of them; and its progress."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

import numpy as np

from tfdeblur.counter import Counter
from tfdeblur.errors import InvalidInput
from tfdeblur.restorers.protocol import Restored
from tfdeblur.restorers.reading import as_array, is_pillow

# Lists of `reading.ImageLike`.
Images: TypeAlias = "list[Any] | tuple[Any, ...]"
OnProgress: TypeAlias = Callable[[int, int], None]
Told: TypeAlias = OnProgress | bool | None

R = TypeVar("R", bound=Restored)


def call_on(
    restore: Callable[[np.ndarray, OnProgress | None], R],
    image: Any,
    progress: Told,
) -> Any:
    """Restores an image, a batch, or each of a list.

    Args:
        restore: `(array, progress)` -> `Restored`.
        image: an array, the path of a file, an image of Pillow, or a list or tuple of such.
        progress: called as `progress(done, total)`, in parts of an image, or in images of a list;
            True: a line on stderr.

    Returns:
        What `restore` returned, with what it was given; a list of them for a list.

    Raises:
        InvalidInput: if it is none of these. Files raise what `image.codec.read_image` says.
    """
    several = _is_list(image)
    with _told(progress, "images" if several else "parts") as told:
        if not several:
            return _restored(restore, image, told)
        results = []
        for number, one in enumerate(image):
            try:
                results.append(_restored(restore, one, None))
            except InvalidInput as error:
                raise InvalidInput(f"Image {number} of the list: {error}") from error
            if told is not None:
                told(number + 1, len(image))
        return results


def _restored(
    restore: Callable[[np.ndarray, OnProgress | None], R], image: Any, progress: OnProgress | None
) -> R:
    array, file = as_array(image)
    return replace(restore(array, progress), blurred=array, file=file)


def _is_list(image: Any) -> bool:
    """Whether it is a list of images, not an image that is written as lists of numbers."""
    if not isinstance(image, list | tuple) or not image:
        return False
    return any(isinstance(one, str | os.PathLike) or is_pillow(one) for one in image) or all(
        isinstance(one, np.ndarray) and one.ndim == 3 for one in image
    )


@contextmanager
def _told(progress: Told, things: str) -> Iterator[OnProgress | None]:
    """Whom to tell: the caller's own function, nobody, or a line on stderr."""
    if progress is None or progress is False:
        yield None
        return
    if callable(progress):
        yield progress
        return
    if progress is not True:
        raise InvalidInput(
            "`progress` must be True, False or a function of (done, total). "
            f"Received: progress={progress!r}"
        )
    counter: Counter | None = None

    def count(done: int, total: int) -> None:
        nonlocal counter
        if counter is None:
            counter = Counter(total, things)
        counter.step()

    try:
        yield count
    finally:
        if counter is not None:
            counter.__exit__()
