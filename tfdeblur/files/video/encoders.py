"""Which encoder writes a video: by its container, by what its frames hold, by what was asked."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import av

from tfdeblur.errors import InvalidInput
from tfdeblur.files.video.settings import LOSSLESS, VideoSettings

_NAMES = {
    "h264": "H.264",
    "hevc": "HEVC",
    "vp9": "VP9",
    "av1": "AV1",
    "ffv1": "FFV1",
    "mjpeg": "Motion JPEG",
    "mpeg4": "MPEG-4 part 2",
}

_QUIET = "log-level=none"
# An error of chroma is up to 1.9 times as large in RGB; the usual dead zones drop fine texture.
_EXACT_H264 = "chroma-qp-offset=-6:deadzone-inter=6:deadzone-intra=6"
# The defaults cost at most 0.1 dB where the frames are at 30 dB: 46.4 dB to what was handed over
# (measured by benchmarks/video.py). The presets are the quick ones: at this quality slower ones
# make files that are hardly smaller. `tune=psnr` trades no error for looks.
_LOSSY = {
    "libx264": (
        5,
        {"preset": "ultrafast", "tune": "psnr", "bf": "3", "x264-params": _EXACT_H264},
    ),
    "libx265": (2, {"preset": "ultrafast", "tune": "psnr", "x265-params": _QUIET}),
    "libvpx-vp9": (1, {"deadline": "realtime", "cpu-used": "7", "row-mt": "1", "b": "0"}),
    "libsvtav1": (2, {"preset": "10"}),
    "libopenh264": (None, {"b": "50M"}),
    "mpeg4": (None, {"qmin": "1", "qmax": "2"}),
    "mjpeg": (1, {}),
}
_LOSSLESS = {
    "libx264rgb": {"preset": "superfast", "qp": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": f"lossless=1:{_QUIET}"},
    "libvpx-vp9": {"lossless": "1", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"},
    "ffv1": {"level": "3", "slicecrc": "1"},
}
_ENCODERS = {
    "h264": ("libx264", "libopenh264"),
    "hevc": ("libx265",),
    "vp9": ("libvpx-vp9",),
    "av1": ("libsvtav1",),
    "ffv1": ("ffv1",),
    "mjpeg": ("mjpeg",),
    "mpeg4": ("mpeg4",),
}
_LOSSLESS_ENCODERS = _ENCODERS | {"h264": ("libx264rgb",)}

_CHROMA_LEFT = ("libx264", "libopenh264", "mpeg4")


@dataclass(frozen=True)
class Content:
    """What the frames of a video hold.

    Attributes:
        chroma: "420", "422" or "444".
        bits: int, of a sample: 8 to 16.
    """

    chroma: str
    bits: int


@dataclass(frozen=True)
class Encoding:
    """How a video is written.

    Attributes:
        encoder: FFmpeg's name.
        pixels: FFmpeg's name of the pixel format.
        options: of the encoder; of Motion JPEG, "step", see `jpegs`.
        codec: name of the codec, for people.
        remark: what the user should know of the choice, "" if nothing.
    """

    encoder: str
    pixels: str
    codec: str
    options: dict[str, str] = field(default_factory=dict)
    remark: str = ""

    @property
    def is_jpeg(self) -> bool:
        """Whether frames are JPEGs: of full range, by the matrix of BT.601."""
        return self.encoder == "mjpeg"

    @property
    def chroma_is_left(self) -> bool:
        """Whether decoders take chroma for sampled at the left one of two pixels."""
        if self.encoder == "libx265":
            return "420" in self.pixels
        return self.encoder in _CHROMA_LEFT


def choose_encoding(container: str, content: Content, settings: VideoSettings) -> Encoding:
    """Chooses the encoder.

    8-bit videos become H.264, which everything plays; deeper ones HEVC, as players decode 10-bit
    H.264 hardly anywhere; in WebM both are VP9 or AV1. Where FFmpeg was built without it, the
    next codec in line is taken, with a remark.

    Args:
        container: FFmpeg's name.
        content: what the frames hold; neither chroma nor depth is ever reduced.
        settings: what was asked for.

    Raises:
        InvalidInput: if no encoder of this build can write that.
    """
    lossless = settings.quality == LOSSLESS
    line = (settings.codec,) if settings.codec else _line(container, content, lossless)
    for codec in line:
        for encoding in _possible(codec, container, content, settings):
            if codec == line[0]:
                return encoding
            text = f"written as {encoding.codec}: no encoder for {_NAMES[line[0]]} fits it here"
            return replace(encoding, remark=text)
    kind = f"{content.bits}-bit 4:{content.chroma[1]}:{content.chroma[2]} video"
    how = " without loss" if lossless else ""
    names = " or ".join(_NAMES[codec] for codec in line)
    raise InvalidInput(
        f"This {kind} cannot be written{how} into {container}: there is no encoder for {names} "
        "here that keeps that. Choose another `codec` (--video-codec): ffv1 keeps everything, in "
        "MKV and AVI."
    )


def _line(container: str, content: Content, lossless: bool) -> tuple[str, ...]:
    """Codecs in the order in which they are tried."""
    if container == "webm":
        return ("vp9", "av1") if content.bits == 8 else ("av1", "vp9")
    if container == "avi":  # it holds no times: H.264 in it is read a frame late
        return ("ffv1",) if lossless or content.bits > 8 else ("mjpeg",)
    if content.bits > 12:
        return ("ffv1",)
    if lossless:
        return ("h264", "hevc", "ffv1") if content.bits == 8 else ("hevc", "ffv1")
    if content.bits == 8:
        return ("h264", "hevc", "av1", "vp9", "mpeg4")
    return ("hevc", "av1", "h264", "vp9")


def _possible(
    codec: str, container: str, content: Content, settings: VideoSettings
) -> Iterator[Encoding]:
    lossless = settings.quality == LOSSLESS or codec == "ffv1"
    for encoder in (_LOSSLESS_ENCODERS if lossless else _ENCODERS)[codec]:
        formats = _formats(encoder)
        wanted = _lossless_pixels(content) if lossless else (_pixels(content),)
        if not formats.intersection(wanted) or not _holds(container, encoder):
            continue
        pixels = next(one for one in wanted if one in formats)
        if lossless:
            if encoder in _LOSSLESS:
                yield Encoding(encoder, pixels, _NAMES[codec], _LOSSLESS[encoder])
            continue
        quality, options = _LOSSY[encoder]
        if quality is not None:
            options = options | _at(
                encoder, quality if settings.quality is None else settings.quality
            )
        yield Encoding(encoder, pixels, _NAMES[codec], options)


def _at(encoder: str, quality: int | str) -> dict[str, str]:
    if encoder == "mjpeg":
        return {"step": str(int(quality) + 1)}
    return {"crf": str(quality)}


def _pixels(content: Content) -> str:
    depth = "" if content.bits == 8 else f"{content.bits}le"
    return f"yuv{content.chroma}p{depth}"


def _lossless_pixels(content: Content) -> tuple[str, ...]:
    if content.bits == 8:
        return ("rgb24", "gbrp", "bgr0")
    return (f"gbrp{content.bits}le",)


@cache
def _formats(encoder: str) -> frozenset[str]:
    """Pixel formats that an encoder takes; none where this build lacks it."""
    try:
        formats = av.Codec(encoder, "w").video_formats
    except (ValueError, av.FFmpegError):
        return frozenset()
    return frozenset(one.name for one in formats or ())


@cache
def _holds(container: str, encoder: str) -> bool:
    """Whether a container may hold what an encoder makes; MOV says so only of a whole header."""
    with av.open(io.BytesIO(), "w", format=container) as trial:
        try:
            name = av.Codec(encoder, "w").canonical_name
            trial.add_mux_stream(name, rate=25, width=64, height=64)
            trial.start_encoding()
        except av.InvalidDataError:
            return True  # it misses only what the encoder will tell
        except ValueError:
            return False
        return True
