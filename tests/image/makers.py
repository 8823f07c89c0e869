"""Pictures in integer levels, and files of them made by Pillow or by hand."""

import io
import struct
import zlib

import numpy as np

from tests.helpers import picture


def levels(height=12, width=17, channels=3, top=255, seed=0):
    """A smooth picture in integer levels, so that lossy formats stay close."""
    dtype = np.uint8 if top == 255 else np.uint16
    return np.round(picture(height, width, channels, seed) * top).astype(dtype)


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
