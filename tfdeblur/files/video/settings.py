"""How videos are to be written: what a user may choose. Loads no library for videos."""

from dataclasses import dataclass
from pathlib import Path

from tfdeblur.errors import InvalidInput

LOSSLESS = "lossless"

# Ending -> FFmpeg's name of the container. `.m4v` alone would mean a bare stream to FFmpeg.
CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
}

# Pictures that may move; WebP and PNG are looked into.
ANIMATED_SUFFIXES = frozenset((".gif", ".apng"))

# Codec -> largest quantiser that its encoders take; None: it is lossless only.
CODECS = {"h264": 51, "hevc": 51, "vp9": 63, "av1": 63, "mjpeg": 31, "ffv1": None}


@dataclass(frozen=True)
class VideoSettings:
    """How videos are written.

    Args:
        codec: a name of `CODECS`; None: H.264, or what suits the container and the depth.
        quality: int, the encoder's constant rate factor: 0 is the best, up to the codec's limit in
            `CODECS`; "lossless": decoded, the frames are the RGB frames that were written; None:
            the codec's default.

    Raises:
        InvalidInput: if one of them means nothing, or they contradict each other.
    """

    codec: str | None = None
    quality: int | str | None = None

    def __post_init__(self):
        if self.codec is not None and self.codec not in CODECS:
            raise InvalidInput(
                f"`codec` must be one of {', '.join(CODECS)}. Received: codec={self.codec!r}"
            )
        if self.quality in (None, LOSSLESS):
            return
        most = max(limit or 0 for limit in CODECS.values())
        if self.codec is not None:
            limit = CODECS[self.codec]
            if limit is None:
                raise InvalidInput(
                    f"`quality` means nothing for {self.codec}, which is lossless. "
                    f"Received: quality={self.quality!r}"
                )
            most = limit
        if not isinstance(self.quality, int) or not 0 <= self.quality <= most:
            raise InvalidInput(
                f"`quality` must be {LOSSLESS!r} or a whole number from 0 (best) to {most}. "
                f"Received: quality={self.quality!r}"
            )


def container_of(path: Path) -> str:
    """FFmpeg's name of the container that goes by the ending of `path`."""
    return CONTAINERS[path.suffix.lower()]
