"""How long a model takes for images of a size, from those that it restored before."""

import threading

_NEWEST = 0.25  # weight of the newest run in the mean


class Pace:
    """Moving means of seconds by the size of an image; safe from several threads.

    Sizes count as alike within a factor of two: small images take longer for each pixel, and what
    is known of one size says little of another. The first run of a size does not count: graphs are
    traced in it.
    """

    def __init__(self) -> None:
        self._seconds_per_pixel: dict[int, float | None] = {}
        self._lock = threading.Lock()

    def note(self, pixels: int, seconds: float) -> None:
        """Adds a run.

        Args:
            pixels: int, restored in it, padded.
            seconds: float, that it took.
        """
        if pixels < 1:
            return
        with self._lock:
            size, newest = pixels.bit_length(), seconds / pixels
            if size not in self._seconds_per_pixel:
                self._seconds_per_pixel[size] = None
                return
            before = self._seconds_per_pixel[size]
            before = newest if before is None else before
            self._seconds_per_pixel[size] = before + _NEWEST * (newest - before)

    def expected(self, pixels: int) -> float | None:
        """Seconds that so many pixels will take; None where too few such images were restored."""
        with self._lock:
            per_pixel = self._seconds_per_pixel.get(max(0, pixels).bit_length())
        return None if per_pixel is None else per_pixel * pixels
