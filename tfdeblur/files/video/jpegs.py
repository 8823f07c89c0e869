"""Frames of Motion JPEG, by libjpeg: FFmpeg's encoder ends at 45 dB, its finest quantiser."""

import io
import struct
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image

_SUBSAMPLINGS = {"yuv420p": "4:2:0", "yuv422p": "4:2:2", "yuv444p": "4:4:4"}
_JFIF = slice(2, 20)  # where libjpeg writes that segment
_DENSITY = 13  # and what is in it: its unit (0: a ratio alone), across, down


def jpeg_packet(frame: av.VideoFrame, step: int, shape_of_pixels: Fraction | None) -> av.Packet:
    """Encodes a frame, at the time it has.

    All coefficients have one step: of all tables of the same error, the one with least bytes.

    Args:
        frame: of a format in `_SUBSAMPLINGS`, full range, by the matrix of BT.601.
        step: int, 1 to 255, in 8-bit levels: how far values of a coefficient are apart.
        shape_of_pixels: width by height; None where it is not known.
    """
    table = [step] * 64
    file = io.BytesIO()
    _as_image(frame).save(
        file, "JPEG", subsampling=_SUBSAMPLINGS[frame.format.name], qtables=[table, table]
    )
    data = bytearray(file.getvalue())
    if shape_of_pixels and max(shape_of_pixels.as_integer_ratio()) < 1 << 16:
        struct.pack_into(">BHH", data, _DENSITY, 0, *shape_of_pixels.as_integer_ratio())
    else:
        del data[_JFIF]
    packet = av.Packet(bytes(data))
    packet.pts = packet.dts = frame.pts
    packet.duration = frame.duration
    if frame.time_base is not None:
        packet.time_base = frame.time_base
    packet.is_keyframe = True
    return packet


def _as_image(frame: av.VideoFrame) -> Image.Image:
    """The frame with each sample of chroma repeated: their mean, which libjpeg takes, is it."""
    pixels = np.empty((frame.height, frame.width, 3), np.uint8)
    planes: Any = frame.planes
    for number, plane in enumerate(planes):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        samples = rows[:, : plane.width]
        down, across = frame.height // plane.height, frame.width // plane.width
        pixels[..., number] = samples.repeat(down, axis=0).repeat(across, axis=1)
    return Image.fromarray(pixels, "YCbCr")
