"""Where pairs come from: one small interface, and what implements it for folders of files."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tfdeblur.data.folders import fingerprint, image_size, in_threads, raise_problems
from tfdeblur.data.pair_search import Pair
from tfdeblur.data.readers import DecodingReader, MemoryReader, Progress, Reader
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.codec import to_uint8
from tfdeblur.image.white_level import WhiteLevel

logger = logging.getLogger(__name__)

CACHE_BYTES = 4 << 30


class PairSource(Protocol):
    """Numbered pairs of equally sized images, with random access.

    Attributes:
        count: int >= 1, number of pairs.
        names: one name a pair, unique.
        sizes: int `(count, 2)`, height and width of each pair, pixels.
        fingerprint: hex text that changes when names, order or content change.
    """

    @property
    def count(self) -> int: ...  # noqa: D102 (see Attributes)

    @property
    def names(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def sizes(self) -> np.ndarray: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def describe(self) -> str:
        """Returns one line for people and logs."""

    def load(self, index: int) -> np.ndarray:
        """Returns pair `index`: uint8 `(2, height, width, 3)`, blurred first."""

    def reader(self, progress: Progress | None = None) -> Reader:
        """Returns fast access for training: decodes into memory, once, what fits."""


class CachingSource:
    """What folder and TFDS sources share: the decision to decode into memory.

    A subclass sets `cache_bytes` and has `sizes`, `load` and `describe`.
    """

    cache_bytes: int
    sizes: np.ndarray
    images = 2  # that `load` gives
    _reader: Reader | None = None

    @property
    def decoded_bytes(self) -> int:
        """Size of all pairs decoded to uint8, bytes."""
        return int(3 * self.images * self.sizes.astype(np.int64).prod(axis=1).sum())

    def reader(self, progress: Progress | None = None) -> Reader:
        """Returns fast access for training; the same object each time.

        Args:
            progress: called as `progress(done, count)` while decoding into memory.

        Raises:
            DataError: if pairs that are kept in memory do not decode.
        """
        if self._reader is None:
            if self.decoded_bytes <= self.cache_bytes:
                self._reader = MemoryReader(self.sizes, self.load, progress, self.images)
            else:
                logger.info(
                    "%s takes %.1f GiB decoded, more than the %.1f GiB to keep in memory: "
                    "pairs are decoded each time they are used.",
                    self.describe(),
                    self.decoded_bytes / 2**30,
                    self.cache_bytes / 2**30,
                )
                self._reader = DecodingReader(self.load, self.images)
        return self._reader

    def describe(self) -> str:
        """Returns one line for people and logs."""
        raise NotImplementedError

    def load(self, index: int) -> np.ndarray:
        """Returns pair `index`: uint8 `(2, height, width, 3)`, blurred first."""
        raise NotImplementedError


class FolderSource(CachingSource):
    """Pairs of image files.

    Args:
        pairs: from `find_pairs`, at least one.
        cache_bytes: int >= 0; pairs that take no more than this, decoded to uint8, are kept
            in memory.
        white_level: which level of 16-bit files is white, for `WhiteLevel`; found out, it is that
            of all blurred and sharp files together.

    Raises:
        ValueError: if `pairs` is empty.
        DataError: if files are broken (their headers are read here).
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        cache_bytes: int = CACHE_BYTES,
        white_level: str | int = "auto",
    ) -> None:
        if not pairs:
            raise ValueError("`pairs` must hold at least one pair. Received: pairs=[]")
        self.pairs = list(pairs)
        self.cache_bytes = cache_bytes
        self.white = white_of_pairs(self.pairs, white_level)
        sizes = in_threads(_size_or_fault, self.pairs)
        raise_problems("The pairs cannot be read", [s for s in sizes if isinstance(s, str)])
        self.sizes = np.array(sizes, np.int64)
        self._fingerprint: str | None = None

    @property
    def count(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    @property
    def names(self) -> list[str]:
        """One name a pair."""
        return [pair.name for pair in self.pairs]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names and file contents; computed once, when first asked for."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self.pairs)
        return self._fingerprint

    def describe(self) -> str:
        """Returns one line for people and logs."""
        folder = self.pairs[0].blurred.parent.parent
        return f"{self.count} pairs of files ({folder})"

    def load(self, index: int) -> np.ndarray:
        """Decodes pair `index`: uint8 `(2, height, width, 3)`, blurred first.

        EXIF turns are applied, 16 bits are rounded to 8, colours multiplied by alpha: motion
        blurs what is seen, and what lies under transparent pixels is anything.

        Raises:
            DataError: if a file cannot be read or the sizes differ.
            InvalidInput: if a file is broken.
        """
        pair = self.pairs[index]
        blurred, sharp = (
            to_uint8(self.white.read(path).seen_rgb()) for path in (pair.blurred, pair.sharp)
        )
        return stack_pair(blurred, sharp, pair.name)


def white_of_pairs(pairs: Sequence[Pair], wanted: str | int = "auto") -> WhiteLevel:
    """One level of white for all files of the pairs, `wanted` as for `WhiteLevel`."""
    paths = [path for pair in pairs for path in (pair.blurred, pair.sharp)]
    return WhiteLevel(wanted, paths, "the pairs")


def stack_pair(blurred: np.ndarray, sharp: np.ndarray, name: str) -> np.ndarray:
    """Stacks two uint8 `(height, width, 3)`; raises DataError if their sizes differ."""
    if blurred.shape != sharp.shape:
        raise DataError(
            f"{name}: blurred is {blurred.shape[1]} x {blurred.shape[0]} pixels, sharp is "
            f"{sharp.shape[1]} x {sharp.shape[0]}"
        )
    return np.stack([blurred, sharp])


def _size_or_fault(pair: Pair) -> Any:
    try:
        return image_size(pair.blurred)
    except (DataError, InvalidInput) as error:
        return str(error)
