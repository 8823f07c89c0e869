"""Frames of a video to RGB and back, by the matrix and the range that the video names."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.filter import Graph
from av.video.reformatter import (
    ColorRange,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from tfdeblur.errors import InvalidInput
from tfdeblur.files.video.encoders import Content, Encoding

# Of 4:2:0, 61 to 71 dB there and back; bilinear 48, without full chroma 44. (Bilinear with full
# chroma makes garbage of 4:2:0 with more than 8 bits, in libswscale 9.5.)
_EXACT = int(
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.FULL_CHR_H_INT
)
_RGB, _UNSPECIFIED = 0, 2  # of ITU-T H.273, as FFmpeg numbers matrices
# H.273's number of a matrix -> FFmpeg's scaler's.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
_BT601, _BT709 = 5, 1
# FFmpeg's scaler's number of a matrix -> what red and blue weigh in luma (H.273, table 4).
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 7: (0.212, 0.087)}
_WEIGHTS |= {9: (0.2627, 0.0593)}
_BT470BG, _SMPTE170M = 5, 6  # H.273's numbers of BT.601
_LARGEST_SD = 1024 * 576  # pixels; larger pictures without a tag are BT.709, as players take them
_HDR = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}


@dataclass(frozen=True)
class Colour:
    """How the frames of a video hold colours.

    Attributes:
        content: chroma layout and depth of the samples.
        gray: whether there is no colour.
        rgb: whether the frames are RGB already.
        matrix: FFmpeg's scaler's number of the matrix between RGB and YUV.
        full: whether samples cover their whole range.
        tags: `colorspace`, `color_range`, `color_primaries`, `color_trc`, as the video names them:
            numbers of H.273, and 2 (0 for the range) where it does not.
    """

    content: Content
    gray: bool
    rgb: bool
    matrix: int
    full: bool
    tags: dict[str, int]

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Colour":
        """Of the first frame of a video.

        Raises:
            InvalidInput: if the colours are kept in a way that cannot be turned to RGB and back.
        """
        kind = frame.format
        tags = {name: int(getattr(frame, name)) for name in _TAGS}
        gray = _is_gray(kind)
        rgb = kind.is_rgb or kind.has_palette
        matrix = tags["colorspace"]
        if rgb or gray or matrix in (_RGB, _UNSPECIFIED):
            small = frame.width * frame.height <= _LARGEST_SD
            number = _BT601 if small else _BT709
        elif matrix in _MATRICES:
            number = _MATRICES[matrix]
        else:
            raise InvalidInput(
                f"The colours of this video cannot be turned to RGB and back (matrix {matrix} of "
                "ITU-T H.273). Convert it to BT.709 or BT.2020 first."
            )
        # FFmpeg's scaler takes gray samples for the full range, whatever they are tagged with.
        full = rgb or gray or "yuvj" in kind.name or tags["color_range"] == int(ColorRange.JPEG)
        return cls(Content(_chroma(kind), _bits(kind)), gray, rgb, number, full, tags)

    @property
    def array_format(self) -> str:
        """FFmpeg's name of the RGB that is restored."""
        return "rgb24" if self.content.bits == 8 else "rgb48le"

    @property
    def plane_format(self) -> str:
        """The same, a plane a colour."""
        return "gbrp" if self.content.bits == 8 else "gbrp16le"

    @property
    def remark(self) -> str:
        """What the user should know, "" if nothing."""
        curve = _HDR.get(self.tags["color_trc"])
        if curve is None:
            return ""
        return f"HDR ({curve}) stays so; networks learn from pictures of standard range"


_TAGS = ("colorspace", "color_range", "color_primaries", "color_trc")


def _is_gray(kind: Any) -> bool:
    return not kind.has_palette and sum(not one.is_alpha for one in kind.components) == 1


def _bits(kind: Any) -> int:
    bits = 8 if kind.has_palette else max(one.bits for one in kind.components)
    # Samples of 5 and 6 bits grow; encoders know none between 12 and 16, but 14.
    return next(depth for depth in (8, 10, 12, 14, 16, 32) if bits <= depth)


def _chroma(kind: Any) -> str:
    """ "420", "422" or "444": what keeps all the chroma there is."""
    if kind.is_rgb or kind.has_palette:
        return "444"
    if _is_gray(kind):
        return "420"
    across, down = kind.chroma_width(64), kind.chroma_height(64)
    if across >= 64:
        return "444"  # also 4:4:0, which no encoder here keeps as it is
    return "420" if down < 64 and across <= 32 else "422"


class ToRGB:
    """Turns the frames of one video to RGB: uint8, or uint16 where samples are deeper.

    Args:
        colour: of the video.
    """

    def __init__(self, colour: Colour):
        self._colour = colour
        self._scaler, self._packer = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """`(height, width, 3)` over the full range of its type.

        Raises:
            InvalidInput: if the frame is transparent anywhere.
        """
        _refuse_transparent(frame)
        colour = self._colour
        if frame.format.name == colour.array_format:
            return frame.to_ndarray()
        # In two steps, which give the same in less than half the time.
        planes = self._scaler.reformat(
            frame,
            format=colour.plane_format,
            src_colorspace=colour.matrix,
            dst_colorspace=colour.matrix,
            src_color_range=_range(colour.full),
            dst_color_range=_range(True),
            interpolation=_EXACT,
            threads=1,
        )
        made = self._packer.reformat(
            planes, format=colour.array_format, interpolation=_EXACT, threads=1
        )
        return made.to_ndarray()


class FromRGB:
    """Turns RGB to frames for an encoder.

    Args:
        colour: of the video that is restored.
        encoding: how it is written.

    Attributes:
        tags: what the colours of the frames are, as `Colour.tags`.
    """

    def __init__(self, colour: Colour, encoding: Encoding):
        self._colour, self._encoding = colour, encoding
        self._scaler = VideoReformatter()
        self._graph: Graph | None = None
        rgb = encoding.pixels.startswith(("rgb", "gbr", "bgr"))
        # What was RGB becomes YUV of the usual, limited range.
        self._full = rgb or encoding.is_jpeg or (colour.full and not colour.rgb)
        self._matrix = _BT601 if encoding.is_jpeg else colour.matrix
        # libswscale rounds chroma of the full range down: colours would be off by half a level.
        planes_first = self._full and not rgb and colour.content.bits == 8
        self._to_yuv = _full_range_yuv(self._matrix) if planes_first else None
        self.tags = dict(colour.tags)
        if rgb:
            self.tags |= {"colorspace": _RGB, "color_range": _range(True)}
        elif encoding.is_jpeg:
            self.tags |= {"colorspace": _BT470BG, "color_range": _range(True)}
        elif colour.rgb:
            number = _SMPTE170M if colour.matrix == _BT601 else _BT709
            self.tags |= {"colorspace": number, "color_range": _range(False)}
        elif colour.full and not self.tags["color_range"]:
            self.tags["color_range"] = _range(True)

    def __call__(self, image: np.ndarray) -> av.VideoFrame:
        """The frame, with its tags.

        Args:
            image: as from `ToRGB`; sides are even where the pixel format has less chroma.
        """
        colour = self._colour
        if colour.gray:
            mean = np.round(image.mean(axis=-1, keepdims=True, dtype=np.float32))
            image = np.repeat(mean.astype(image.dtype), 3, axis=-1)
        if self._to_yuv is None:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), colour.array_format)
        else:
            yuv = cv2.transform(image, self._to_yuv).transpose(2, 0, 1)
            planes = np.ascontiguousarray(yuv, np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, "yuv444p")
        if self._encoding.chroma_is_left:
            frame = self._with_chroma_left(frame)
        frame = self._scaler.reformat(
            frame,
            format=self._encoding.pixels,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            src_color_range=_range(True),
            dst_color_range=_range(self._full),
            interpolation=_EXACT,
            threads=1,
        )
        for tag, value in self.tags.items():
            setattr(frame, tag, value)
        return frame

    def _with_chroma_left(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Says where chroma is to be sampled. Left to itself, the scaler takes the middle of four
        pixels, and decoders of these codecs the left edge: colours would move, 40 dB there and
        back."""
        unit = Fraction(1, 1)
        if self._graph is None:
            self._graph = Graph()
            source = self._graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=unit
            )
            place = self._graph.add("setparams", "chroma_location=left")
            self._graph.link_nodes(source, place, self._graph.add("buffersink")).configure()
        frame.pts, frame.time_base = 0, unit
        self._graph.vpush(frame)
        return self._graph.vpull()


def _full_range_yuv(matrix: int) -> np.ndarray:
    """RGB in 8-bit levels to luma and chroma: float32 `(3, 4)`, the last column added."""
    red, blue = _WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    cb = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
    cr = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    rows = np.stack([luma, cb, cr])
    return np.hstack([rows, [[0], [128], [128]]]).astype(np.float32)


def _range(full: bool) -> int:
    return int(ColorRange.JPEG if full else ColorRange.MPEG)


def _refuse_transparent(frame: av.VideoFrame) -> None:
    if not any(one.is_alpha for one in frame.format.components):
        return
    alpha = frame.reformat(format="rgba64le").to_ndarray()[..., 3]
    if alpha.min() < 0xFF00:  # 255 of 8 bits becomes that
        raise InvalidInput(
            "This video is transparent in places, which would be lost. Save its frames as PNG and "
            "restore those."
        )
