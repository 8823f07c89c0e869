"""Small folders of pairs for the tests of `tfdeblur.data`."""

import cv2
import numpy as np

from tfdeblur.data import Pair, find_pairs
from tfdeblur.data.sources import FolderSource


def image(height, width, seed=0, dtype=np.uint8):
    top = np.iinfo(dtype).max + 1
    return np.random.default_rng(seed).integers(0, top, (height, width, 3), dtype)


def write(path, pixels, *options):
    """Writes RGB pixels by the suffix of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, encoded = cv2.imencode(path.suffix, pixels[..., ::-1], list(options))
    assert done
    path.write_bytes(encoded.tobytes())
    return path


def write_pairs(folder, names, height=12, width=16, blur="blur", sharp="sharp"):
    """Writes a PNG pair per name, no two images alike; returns {name: (blurred, sharp)}."""
    pixels = {}
    for i, name in enumerate(names):
        pixels[name] = image(height, width, 2 * i), image(height, width, 2 * i + 1)
        write(folder / blur / f"{name}.png", pixels[name][0])
        write(folder / sharp / f"{name}.png", pixels[name][1])
    return pixels


def coordinates(height, width):
    """An image whose every pixel holds its own (row, column, 7): crops tell where they are."""
    rows, columns = np.indices((height, width))
    return np.stack([rows, columns, np.full_like(rows, 7)], -1).astype(np.uint8)


def source(folder, count=5, height=12, width=16, **kwargs):
    write_pairs(folder, [f"p{i}" for i in range(count)], height, width)
    return FolderSource(find_pairs(folder), **kwargs)


def coordinate_source(folder, height, width, **kwargs):
    """One pair whose two images are `coordinates`."""
    path = write(folder / "c.png", coordinates(height, width))
    return FolderSource([Pair("c", path, path)], **kwargs)
