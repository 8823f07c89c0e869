"""Which level of a 16-bit file is white: cameras and microscopes store 10 or 12 bits in 16."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tfdeblur.errors import InvalidInput, TfdeblurError

if TYPE_CHECKING:
    from tfdeblur.image.codec import DecodedImage

logger = logging.getLogger(__name__)

AUTO, FULL = "auto", "full"
_TOP = 65535
_DEPTHS = (8, 10, 12, 14)  # bits that are stored in 16
_FORMATS = ("png", "tiff")  # all others say how deep they are


class WhiteLevel:
    """The white level of files that belong together; found out when it is first needed.

    Args:
        wanted: "auto", "full" or a level, 1 to 65535. "auto": what a TIFF announces
            (SMaxSampleValue), else the largest of 8, 10, 12 or 14 bits that holds all levels of
            all 16-bit files of `paths`; a dark photograph of full range is so taken as one of
            fewer bits, which scales it on the way in and back on the way out.
        paths: the files whose levels are looked at; of 8 bits, or no images, none counts.
        title: what to call them in the log.
    """

    def __init__(self, wanted: str | int, paths: Sequence[Path] = (), title: str = "") -> None:
        self.wanted = wanted
        self._paths, self._title = list(paths), title
        self._lock = threading.Lock()
        self._found: int | None = None
        self._is_found = False

    def of(self, image: "DecodedImage", name: str) -> "DecodedImage":
        """The image with its level of white; one of 8 bits as it is.

        Raises:
            InvalidInput: if `wanted` is a level and the image has higher ones.
        """
        if image.bits != 16 or image.format not in _FORMATS or self.wanted == FULL:
            return image
        white = self._level() if self.wanted == AUTO else int(self.wanted)
        if white is None or white == _TOP:
            return image
        highest = int(image.rgb.max())
        if highest > white:
            raise InvalidInput(
                f"{name} has levels up to {highest}, above the level of white, {white} "
                "(--white-level). Give a higher one, or auto."
            )
        return replace(image, white=white)

    def read(self, path: Path) -> "DecodedImage":
        """`read_image`, with the level of white."""
        from tfdeblur.image.codec import read_image  # here: it loads tensorflow

        return self.of(read_image(path), str(path))

    def _level(self) -> int | None:
        with self._lock:
            if not self._is_found:
                self._found = self._look()
                self._is_found = True
            return self._found

    def _look(self) -> int | None:
        from tfdeblur.image.codec import decode_image, read_bytes  # here: it loads tensorflow
        from tfdeblur.image.headers import read_header

        highest, announced = 0, 0
        for path in self._paths:
            try:
                data = read_bytes(path)
                header = read_header(data, str(path))
                if header.bits != 16 or header.format not in _FORMATS:
                    continue
                image = decode_image(data, str(path))
            except TfdeblurError:  # it is told when the file's own turn comes
                continue
            highest = max(highest, int(image.rgb.max()))
            announced = max(announced, image.largest or 0)
        white = announced if announced >= highest else None
        if white is None and highest:
            white = next(((1 << n) - 1 for n in _DEPTHS if highest < 1 << n), None)
        if not white or white == _TOP:
            return None
        logger.info(
            "%s: levels of 16-bit files reach %d, so white is %d, not 65535 (--white-level).",
            self._title,
            highest,
            white,
        )
        return white
