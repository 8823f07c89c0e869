"""The ways an image travels: which signature takes it, and what is made of the answer."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.image.levels import to_float, to_uint8
from tfdeblur.restorers.images import as_kind

Outputs = Mapping[str, Any]


@dataclass(frozen=True)
class Payload:
    """One way.

    Attributes:
        signature: its key in the model.
        input: name of its input.
        outputs: the names of its outputs, the picture first.
        write: images `(batch, height, width, 3)` of any kind to the value of the input.
        read: the outputs to `(batch, height, width, channels)`, in their own units.
        channels: of that.
    """

    signature: str
    input: str
    outputs: tuple[str, ...]
    write: Callable[[np.ndarray], Any]
    read: Callable[[Outputs], np.ndarray]
    channels: int = 3


def _encode(images: np.ndarray) -> list[bytes]:
    return [_png(to_uint8(one)) for one in images]


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    # Level 1 of 9: higher ones cost tens of milliseconds an image and save little.
    _pillow().fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _pillow() -> Any:
    try:
        import PIL.Image
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "`payload='bytes'` needs Pillow: pip install pillow. The others do without."
        ) from error
    return PIL.Image


def _decode(outputs: Outputs) -> np.ndarray:
    files = outputs["restored_bytes"]
    try:
        images = [_pillow().open(io.BytesIO(data)) for data in files]
        return np.stack([np.asarray(image.convert("RGB")) for image in images])
    except (OSError, ValueError, SyntaxError) as error:  # Pillow's words for damage
        raise InvalidInput("What the service answered is no sound image.") from error


def _join(outputs: Outputs) -> np.ndarray:
    """Picture, flow, confidence and score as one array, so that tiles of all are blended alike."""
    restored, score = outputs["restored"], np.asarray(outputs["score"])[:, None, None, None]
    confidence = outputs["confidence"][..., None]
    score = np.broadcast_to(score, confidence.shape)
    return np.concatenate([restored, outputs["flow"], confidence, score], axis=-1)


PAYLOADS = {
    "uint8": Payload(
        "serving_uint8", "image_u8", ("restored_u8",), to_uint8, lambda o: o["restored_u8"]
    ),
    "float": Payload("serving_default", "image", ("restored",), to_float, lambda o: o["restored"]),
    "bytes": Payload("serving_bytes", "image_bytes", ("restored_bytes",), _encode, _decode),
}
MOTION = Payload(
    "serving_flow",
    "image",
    ("restored", "flow", "confidence", "score"),
    to_float,
    _join,
    channels=7,
)


def choose(payload: str | None, dtype: np.dtype, motion: bool) -> Payload:
    """The way for images of this type.

    Args:
        payload: a key of `PAYLOADS`; None: "uint8" for 8-bit images, which is quickest, and
            "float" for all others, which loses nothing.
        motion: whether flow and confidence are wanted; they come with floats only.

    Raises:
        InvalidInput: if there is no such way.
    """
    if payload not in (None, *PAYLOADS):
        raise InvalidInput(
            f"`payload` must be one of {', '.join(PAYLOADS)}. Received: payload={payload!r}"
        )
    if motion:
        if payload not in (None, "float"):
            raise InvalidInput(
                "`payload` must be 'float' where flow and confidence are wanted. "
                f"Received: payload={payload!r}"
            )
        return MOTION
    return PAYLOADS[payload or ("uint8" if dtype == np.uint8 else "float")]


def finished(images: np.ndarray, payload: Payload, dtype: np.dtype) -> dict[str, Any]:
    """The values of an answer, the picture in the kind of the input.

    Args:
        images: `(batch, height, width, channels)`, what `payload.read` returned, or a float32
            blend of it in the same units.
        dtype: of the input.

    Returns:
        "image", and where motion was asked for "flow", "confidence" and "score", each with one
        entry per image.
    """
    picture = images[..., :3]
    if payload.outputs[0] != "restored" and picture.dtype != np.uint8:
        picture = np.round(picture).astype(np.uint8)  # blends stay within 0..255
    if picture.dtype != dtype or dtype != np.uint8:
        picture = as_kind(to_float(picture), dtype)
    if not picture.flags.writeable:  # a view of the message; the caller's own is not
        picture = picture.copy()
    if payload is not MOTION:
        return {"image": picture}
    scores = tuple(float(np.float32(one.mean(dtype=np.float64))) for one in images[..., 6])
    return {
        "image": picture,
        "flow": images[..., 3:5],
        "confidence": images[..., 5],
        "score": scores,
    }
