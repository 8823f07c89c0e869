"""What a result shows of itself: in one line, as a picture, beside what it was made of."""

import dataclasses
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfdeblur.errors import InvalidInput, NotInstalled
from tfdeblur.whole import of_the_whole

if TYPE_CHECKING:
    import os

    import PIL.Image

logger = logging.getLogger(__name__)

_SHOWN_SIDE = 1024  # pixels of the longer side of a picture within a page
_HIDDEN = ("blurred", "file")  # what was given: no part of the verdict


class Shown:
    """Methods of results: dataclasses with `image`, `blurred` and `file` (see `Restored`)."""

    image: np.ndarray
    blurred: np.ndarray | None
    file: Any

    def __repr__(self) -> str:
        """Sizes and verdict, not pixels."""
        fields = [f.name for f in dataclasses.fields(self) if f.name not in _HIDDEN]  # type: ignore[arg-type]
        told = (f"{name}={_short(getattr(self, name))}" for name in fields)
        return f"{type(self).__name__}({', '.join(told)})"

    def save(self, path: "str | os.PathLike[str]") -> Path:
        """Writes the image to a file, as a whole or not at all.

        Where the image was given as a path, profile, EXIF, bits and gray of that file are kept,
        as `tfdeblur deblur` does; else floats become 8 bits, integers stay what they are.

        Args:
            path: of the file; its ending says the format: png, jpg, webp, bmp or tiff.

        Returns:
            The path.

        Raises:
            InvalidInput: if the ending is none of these, or this is the result of a batch.
            DataError: if the file cannot be written.
            NotInstalled: if only the client is.
        """
        with of_the_whole("`save`"):
            from tfdeblur.image.atomic import write_atomically
            from tfdeblur.image.codec import dropped_by, encode_image, format_of

        if self.image.ndim != 3:
            raise InvalidInput(
                f"`save` writes one image, and this result holds {len(self.image)}. Restore a "
                "list of images, and save each of the results."
            )
        format = format_of(path)
        data = encode_image(self.image, like=self.file, format=format)
        write_atomically(path, data)
        lost = dropped_by(format, self.file) if self.file is not None else ""
        if lost:
            logger.warning("%s: %s.", path, lost)
        return Path(path)

    def compare(self, sharp: Any = None) -> "PIL.Image.Image":
        """Draws blurred | restored, as `tfdeblur deblur --compare` does.

        Below each is the place that changed most where a viewer looks first, enlarged. Images of a
        batch stand below each other.

        Args:
            sharp: the true image, of any kind that restorers take, or a batch; then it stands on
                the right, and PSNR in dB (8 bits, all pixels and channels) in the captions.

        Raises:
            InvalidInput: if `sharp` is no image or has another shape, or it is not known what was
                restored.
            NotInstalled: if only the client is.
        """
        with of_the_whole("`compare`"):
            from tfdeblur.image.codec import to_uint8
            from tfdeblur.pictures.compare import comparison
            from tfdeblur.pictures.panels import stacked
            from tfdeblur.restorers.images import check_image
            from tfdeblur.restorers.reading import as_array
        from PIL import Image

        if self.blurred is None:
            raise InvalidInput("`compare` needs the image that was restored: `blurred` is None.")
        truth = None if sharp is None else np.asarray(as_array(sharp)[0])
        if truth is not None and truth.shape != self.image.shape:
            raise InvalidInput(
                f"`sharp` must have the shape of the image, {self.image.shape}. "
                f"Received: shape={truth.shape}"
            )
        if truth is not None:
            try:
                check_image(truth)
            except InvalidInput as error:
                raise InvalidInput(str(error).replace("`image`", "`sharp`")) from error
        before, after, truths = (_batch(one) for one in (self.blurred, self.image, truth))
        rows = [
            comparison(
                to_uint8(before[i]), to_uint8(after[i]), None if truth is None else to_uint8(true)
            )
            for i, true in enumerate(truths if truth is not None else after)
        ]
        return Image.fromarray(stacked(rows))

    def show(self) -> None:
        """Shows the image: in a notebook below its cell, else in a window of the system.

        Raises:
            NotInstalled: if only the client is.
        """
        picture = self._picture(None)
        from PIL import Image

        shell = sys.modules.get("IPython")
        if shell is not None and shell.get_ipython() is not None:
            from IPython.display import display

            display(self)
            return
        Image.fromarray(picture).show()

    def _repr_png_(self) -> bytes | None:
        """The image, scaled down to the width of a page, for notebooks; the client has none."""
        try:
            picture = self._picture(_SHOWN_SIDE)
        except NotInstalled:
            return None  # a notebook shows the line of `repr` then
        from tfdeblur.image.codec import encode_image

        return encode_image(picture, like=None, format="png")

    def _picture(self, most: int | None) -> np.ndarray:
        """uint8 `(rows, columns, 3)`: the image, or all of a batch side by side."""
        with of_the_whole("`show`"):
            from tfdeblur.image.codec import to_uint8
            from tfdeblur.pictures import panels

        images = [to_uint8(one) for one in _batch(self.image)]
        picture = images[0] if len(images) == 1 else panels.side_by_side(images)
        longer = max(picture.shape[:2])
        return picture if most is None or longer <= most else panels.resized(picture, most / longer)


def _batch(image: Any) -> Any:
    return image if image is None or image.ndim == 4 else image[None]


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{'x'.join(map(str, value.shape))} {value.dtype}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        return f"{len(value)} of them"
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    return repr(value)
