"""News while a video or an animated picture is restored."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class VideoProgress:
    """How far the work on a video is.

    Attributes:
        fraction: float in [0, 1], of the time that it lasts; of its bytes where that is unknown;
            of the frames of an animated picture.
        frames: int, restored so far.
        width, height: int, pixels of a frame.
        seconds: float, the time in the video; None of an animated picture.
        duration: float, seconds, as the file announces; None where it does not.
        announced: int, frames that the file is said to hold; 0 where nothing says so.
    """

    fraction: float
    frames: int
    width: int
    height: int
    seconds: float | None
    duration: float | None
    announced: int = 0


OnProgress = Callable[[VideoProgress], None]
