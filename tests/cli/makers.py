"""Images and flows in files, what `affine_model` makes of them, and contents of folders."""

import hashlib
import os
import struct

import cv2
import numpy as np
from PIL import Image

from tests.helpers import picture


def expected(levels):
    """What the network makes of uint8 or uint16 levels: 3/4 of each plus 1/8 of the range."""
    top = np.iinfo(levels.dtype).max
    return np.round(0.75 * levels.astype(float) + 0.125 * top).astype(levels.dtype)


def levels(height, width, channels=3, dtype=np.uint8, seed=0):
    top = np.iinfo(dtype).max
    return np.round(top * picture(height, width, channels, seed).astype(float)).astype(dtype)


def good(folder, name="good.png", seed=0):
    image = levels(6, 7, seed=seed)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, "PNG")
    return expected(image)


def jpeg(path, image, **options):
    Image.fromarray(image).save(path, "JPEG", quality=95, **options)


def contents(folder):
    """Kind and digest of everything below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = os.readlink(path) if path.is_symlink() else "folder" if path.is_dir() else "file"
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (kind, digest)
    return found


def pixels(path):
    """Levels of an image file, 16 bits and alpha kept, RGB order, not turned."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    assert image is not None, f"{path} is no image"
    if image.ndim == 3:
        image = image[..., [2, 1, 0, 3][: image.shape[-1]]]
    return image


def save_npz(path, flow):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, flow=np.asarray(flow, "float32"))


def save_flo(path, flow):
    height, width = flow.shape[:2]
    flow = np.asarray(flow, "<f4").tobytes()
    path.write_bytes(b"PIEH" + struct.pack("<ii", width, height) + flow)


def still(height=6, width=7):
    """No motion: K is the identity, and the image that was blurred is the image."""
    return np.zeros((height, width, 2), "float32")
