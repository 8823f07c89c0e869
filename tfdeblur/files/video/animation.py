"""Animated pictures, GIF, WebP and PNG, frame by frame: durations, loops and transparency stay."""

import io
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tfdeblur import limits
from tfdeblur.errors import InvalidInput
from tfdeblur.files.video.progress import OnProgress, VideoProgress
from tfdeblur.files.video.tally import Tally, VideoResult
from tfdeblur.image.atomic import write_atomically
from tfdeblur.text import printable

_COLOURS = 256  # of a GIF's frame
# What Pillow raises of files that are cut off or damaged.
_DAMAGE = (OSError, EOFError, SyntaxError, ValueError, IndexError, struct.error)
_KEPT = ("icc_profile", "exif", "xmp")


@dataclass(frozen=True)
class _Frame:
    """One frame, all layers put together.

    Attributes:
        rgb: uint8 `(height, width, 3)`.
        alpha: uint8 `(height, width)`; None where it is opaque.
        duration: float, milliseconds; 0 where the file does not say.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    duration: float


def restore_animation(
    restorer: Callable[..., Any],
    source: str | os.PathLike,
    output: str | os.PathLike,
    on_progress: OnProgress = lambda progress: None,
) -> VideoResult:
    """Restores every frame of an animated picture into another of the same kind.

    WebP and PNG are written without loss; a GIF has at most 256 colours a frame. `output` appears
    when it is complete.

    Args:
        restorer: a `Restorer`: `(uint8 (height, width, 3), progress=...)` -> `Restored`.
        source: GIF, WebP or PNG file.
        output: file to write.
        on_progress: called after each frame, and whenever a part of one is done.

    Raises:
        InvalidInput: if `source` is damaged, or holds what cannot be kept.
        DataError: if `output` cannot be written.
    """
    source = Path(source)
    with _opened(source) as picture:
        _refuse(picture, source)
        tally, frames = Tally(restorer), []
        for number, frame in enumerate(_frames(picture, source)):
            frames.append(_restored(restorer, frame, number, picture, tally, on_progress))
        remark = _remark(picture, frames)
        write_atomically(output, _encoded(picture, frames))
    return tally.result(remark)


def _opened(source: Path) -> Any:
    data = source.read_bytes()  # an error of the disk is no damage
    try:
        picture: Any = Image.open(io.BytesIO(data))
        if picture.n_frames:  # a GIF is looked through for them
            return picture
    except _DAMAGE as error:
        raise InvalidInput(f"{printable(source)} is damaged, or no animated picture.") from error
    raise InvalidInput(f"{printable(source)} holds no picture.")


def _refuse(picture: Any, source: Path) -> None:
    pixels = picture.width * picture.height * picture.n_frames
    if pixels > limits.MOST_PIXELS:
        raise InvalidInput(
            f"{printable(source)} is too large for an animated picture: {picture.n_frames} frames "
            f"of {picture.width}x{picture.height}, {limits.MOST_PIXELS} pixels are the most. "
            f"Convert it to "
            "a video."
        )
    with source.open("rb") as file:
        start = file.read(25)
    if picture.format == "PNG" and start[24] == 16:
        raise InvalidInput(
            f"{printable(source)} is animated and has 16 bits; only 8 can be kept. Convert it to a "
            "video (FFV1)."
        )


def _frames(picture: Any, source: Path) -> Iterator[_Frame]:
    milliseconds = 0.0
    for number in range(picture.n_frames):
        try:
            picture.seek(number)
            pixels = np.asarray(picture.convert("RGBA"))
        except _DAMAGE as error:
            raise InvalidInput(
                f"{printable(source)} is cut off or damaged at {milliseconds / 1000:.2f} s: only "
                f"{number} of {picture.n_frames} frames can be decoded."
            ) from error
        duration = float(picture.info.get("duration", 0))
        alpha = pixels[..., 3]
        opaque = bool((alpha == 255).all())
        rgb = np.ascontiguousarray(pixels[..., :3])
        yield _Frame(rgb, None if opaque else alpha.copy(), duration)
        milliseconds += duration


def _restored(
    restorer, frame: _Frame, number: int, picture: Any, tally: Tally, on_progress: OnProgress
) -> _Frame:
    count, (height, width) = picture.n_frames, frame.rgb.shape[:2]

    def tell(done: float, parts: int) -> None:
        fraction = (number + done / parts) / count
        frames = number + (done == parts)
        on_progress(VideoProgress(fraction, frames, width, height, None, None, count))

    def within(done: int, parts: int) -> None:
        if done < parts:
            tell(done, parts)

    restored = restorer(frame.rgb, progress=within)
    tally.add((width, height), 0, frame.rgb, restored)
    tell(1, 1)
    image = restored.image
    if picture.mode in ("L", "LA", "1"):
        mean = np.round(image.mean(axis=-1, keepdims=True, dtype=np.float32))
        image = np.repeat(mean.astype(np.uint8), 3, axis=-1)
    return _Frame(image, frame.alpha, frame.duration)


def _remark(picture: Any, frames: list[_Frame]) -> str:
    if picture.format != "GIF":
        return ""
    reduced = sum(_colours(frame) is None for frame in frames)
    return f"GIF holds {_COLOURS} colours: {reduced} frames had more" if reduced else ""


def _colours(frame: _Frame) -> np.ndarray | None:
    """The colours of a frame, uint8 `(colours, 3)`; None if they are too many for a GIF."""
    visible = frame.rgb if frame.alpha is None else frame.rgb[frame.alpha > 0]
    flat = visible.reshape(-1, 3).astype(np.uint32)
    codes = np.unique(flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2])
    if len(codes) > _COLOURS - (frame.alpha is not None):
        return None
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)


def _encoded(picture: Any, frames: list[_Frame]) -> bytes:
    """The animation as bytes of a file, of the kind of `picture`."""
    kind = picture.format
    images = [_as_gif(frame) if kind == "GIF" else _as_image(frame) for frame in frames]
    durations = [frame.duration for frame in frames]
    options: dict[str, Any] = {
        name: picture.info[name] for name in _KEPT if picture.info.get(name) and kind != "GIF"
    }
    if "loop" in picture.info:
        options["loop"] = picture.info["loop"]
    if kind == "PNG" and picture.info.get("default_image"):
        options["default_image"] = True  # a first picture that is no part of the animation
        durations = durations[1:]
    if kind == "GIF":
        transparent = any(frame.alpha is not None for frame in frames)
        options |= {"optimize": False, "disposal": 2 if transparent else 1}
    if kind == "WEBP":
        options["lossless"] = True
    out = io.BytesIO()
    first, *others = images
    options |= {"save_all": True, "append_images": others, "duration": durations}
    first.save(out, kind, **options)
    return out.getvalue()


def _as_image(frame: _Frame) -> Image.Image:
    if frame.alpha is None:
        return Image.fromarray(frame.rgb)
    return Image.fromarray(np.dstack([frame.rgb, frame.alpha]))


def _as_gif(frame: _Frame) -> Image.Image:
    """With a palette of its own: the very colours where they are few, else the nearest."""
    colours = _colours(frame)
    most = _COLOURS - (frame.alpha is not None)
    if colours is None:
        image = Image.fromarray(frame.rgb).quantize(most, dither=Image.Dither.FLOYDSTEINBERG)
    else:
        image = _with_palette(frame.rgb, colours)
    if frame.alpha is None:
        return image
    indices = np.asarray(image).copy()
    free = _COLOURS - 1
    indices[frame.alpha < 128] = free
    made = Image.fromarray(indices)
    made.putpalette(image.getpalette() or [])
    made.info["transparency"] = free
    return made


def _with_palette(rgb: np.ndarray, colours: np.ndarray) -> Image.Image:
    def codes(pixels: np.ndarray) -> np.ndarray:
        wide = pixels.astype(np.uint32)
        return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]

    known = codes(colours)  # in order, as `np.unique` gives them
    indices = np.searchsorted(known, codes(rgb)).clip(0, len(known) - 1)
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette(colours.reshape(-1).tolist())
    return image
