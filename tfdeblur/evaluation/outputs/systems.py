"""What is compared: folders of finished images, and models that restore on the spot."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.evaluation.outputs.find import Found, find_outputs
from tfdeblur.evaluation.outputs.protocols import Case
from tfdeblur.image.codec import read_image, to_float, to_uint8
from tfdeblur.restorers.protocol import DegenerateOutputWarning, NotConvergedWarning

_LOSSY = "read from a JPEG or WebP file: its compression is in the numbers"


@dataclass(frozen=True)
class Output:
    """A result.

    Attributes:
        image: uint8 `(height, width, 3)`.
        gray: whether it was stored without colours.
        confidence: what the system says of it, 0..1, or None.
        remark: what else there is to say.
        flow: float32 `(height, width, 2)`, motion that it estimated, pixels, or None.
        sure: float32 `(height, width)`, confidence of every pixel, 0..1, or None.
    """

    image: np.ndarray
    gray: bool = False
    confidence: float | None = None
    remark: str = ""
    flow: np.ndarray | None = None
    sure: np.ndarray | None = None


class System(Protocol):
    """What gives one result for each case."""

    @property
    def source(self) -> str: ...  # noqa: D102 (folder or model, for the report)
    @property
    def parallel(self) -> bool: ...  # noqa: D102 (whether results may be asked for in threads)
    def prepare(self, cases: Sequence[Case]) -> Found: ...  # noqa: D102
    def result(self, case: Case, blurred: Callable[[], np.ndarray]) -> Output: ...  # noqa: D102


class Folder:
    """A folder of images that any system wrote.

    Args:
        folder: path.
    """

    parallel = True

    def __init__(self, folder: str | Path) -> None:
        self.source = str(folder)
        self._files: dict[str, Path] = {}

    def prepare(self, cases: Sequence[Case]) -> Found:
        """Finds the files of the cases; raises `DataError` where there is nothing to find."""
        found = find_outputs(self.source, cases)
        self._files = found.files
        return found

    def result(self, case: Case, blurred: Callable[[], np.ndarray]) -> Output:
        """Reads a result.

        Raises:
            DataError, InvalidInput: if it cannot be read, has 16 bits, or transparent places.
        """
        path = self._files[case.name]
        image = read_image(path)
        if image.bits != 8:
            raise InvalidInput(
                f"{path} has 16 bits a channel; the protocols score 8-bit images. Save it with "
                "8 bits, rounded"
            )
        if image.alpha is not None and image.alpha.min() < 255:
            raise InvalidInput(f"{path} has transparent pixels. Save it without an alpha channel")
        lossy = image.format == "jpeg" or (image.format == "webp" and not _is_lossless(path))
        return Output(image.rgb, image.gray, remark=_LOSSY if lossy else "")


class Model:
    """A restorer that is run on every blurred image.

    Args:
        source: what the report says it is.
        restorer: a `Restorer`, or a function like one.
    """

    parallel = False

    def __init__(self, source: str, restorer: Callable[[np.ndarray], Any]) -> None:
        self.source = source
        self._restorer = restorer

    def prepare(self, cases: Sequence[Case]) -> Found:
        """Nothing is missing beforehand."""
        return Found()

    def result(self, case: Case, blurred: Callable[[], np.ndarray]) -> Output:
        """Restores a blurred image."""
        with warnings.catch_warnings():
            for category in (DegenerateOutputWarning, NotConvergedWarning):
                warnings.simplefilter("ignore", category)  # the report has them as remarks
            found = self._restorer(to_float(blurred()))
        confidence = getattr(found, "score", None)
        kept = "degenerate: the blurred image was kept" if _kept(found) else ""
        return Output(
            to_uint8(np.asarray(found.image)),
            confidence=None if confidence is None else float(np.mean(confidence)),
            remark=getattr(found, "remark", "") or kept,
            flow=_map(found, "flow"),
            sure=_map(found, "confidence"),
        )


def _map(found: Any, name: str) -> np.ndarray | None:
    value = getattr(found, name, None)
    return None if value is None else np.asarray(value)


def _kept(found: Any) -> bool:
    return bool(getattr(found, "degenerate", False))


def _is_lossless(path: Path) -> bool:
    try:
        with open(path, "rb") as stream:
            return b"VP8L" in stream.read(64)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
