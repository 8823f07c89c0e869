"""Images of any kind to arrays: these are handed back, files read, images of Pillow converted."""

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.whole import INSTALL

if TYPE_CHECKING:
    import PIL.Image

# An array as `images.check_image` takes it, a file, or an image of Pillow.
ImageLike: TypeAlias = "np.ndarray | str | os.PathLike[str] | PIL.Image.Image"

# Modes of Pillow that hold more than 8 bits; all others become RGB or gray of 8 bits.
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_TAKEN = "an array, the path of a picture, an image of Pillow, or a list of these"


def is_pillow(image: Any) -> bool:
    """Whether it is an image of Pillow, which is not loaded for that."""
    pillow = sys.modules.get("PIL.Image")  # who hands one over has loaded it
    return pillow is not None and isinstance(image, pillow.Image)


def as_array(image: Any) -> tuple[np.ndarray, Any]:
    """The pixels of an image of any kind, and the file that it was read from.

    Args:
        image: an array, which is handed back; a path; or an image of Pillow. EXIF turns are
            applied, gray becomes three equal channels, transparency is seen on black.

    Returns:
        Array; and a `DecodedImage` with metadata where a path was given, else None.

    Raises:
        InvalidInput: if it is none of these, or an image of Pillow of a mode that cannot be brought
            to RGB.
        DataError: if there is no such file, or it is damaged.
    """
    if isinstance(image, str | os.PathLike):
        try:
            from tfdeblur.image.codec import read_image
        except ModuleNotFoundError as error:
            raise InvalidInput(
                "Files are read by the whole of tfdeblur only; hand an array over. "
                f"Received: image={os.fspath(image)!r}. {INSTALL}"
            ) from error
        decoded = read_image(image, with_metadata=True)
        pixels = decoded.seen_rgb()
        # Transparency went into the colours, as black.
        return pixels, replace(decoded, alpha=None) if decoded.is_transparent else decoded
    if is_pillow(image):
        return _of_pillow(image), None
    if isinstance(image, list | tuple) and not image:
        raise InvalidInput(f"`image` must not be an empty list. Received: image={image!r}")
    if not (hasattr(image, "__array__") or isinstance(image, list | tuple | memoryview)):
        raise InvalidInput(f"`image` must be {_TAKEN}. Received: {type(image).__name__}")
    return image, None


def _of_pillow(image: "PIL.Image.Image") -> np.ndarray:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in _SIXTEEN_BITS:
        return np.repeat(np.asarray(image, np.uint16)[..., None], 3, axis=-1)
    if image.mode in ("I", "F"):
        raise InvalidInput(
            "`image` must be an image of Pillow of 8 or 16 bits: the range of this mode is not "
            f"known. Received: mode={image.mode!r}. Hand an array over, float in [0, 1]."
        )
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        levels = np.asarray(image.convert("RGBA"))
        seen = levels[..., :3] * (levels[..., 3:] / np.float32(255))
        return np.round(seen).astype(np.uint8)
    try:
        return np.asarray(image.convert("RGB"))
    except ValueError as error:
        raise InvalidInput(
            f"`image` must have a mode that can be made RGB. Received: mode={image.mode!r}"
        ) from error
