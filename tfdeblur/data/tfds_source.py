"""Pairs from a TFDS data set, read record by record at random.

TFDS itself reads its files from front to back and shuffles through a buffer, which cannot be
resumed in the middle. Its record files are simple enough to index: then every record can be
had at once, in any order, and the stream of `pairs.training_batches` keeps its promise for
data sets that do not fit into memory as well.
"""

import hashlib
import importlib
import importlib.util
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur.data.folders import in_threads, raise_problems, upright_size
from tfdeblur.data.names import image_name_wanted
from tfdeblur.data.sources import CACHE_BYTES, CachingSource, stack_pair
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.codec import decode_image, to_uint8
from tfdeblur.image.headers import read_header

FEATURES = (("blur", "sharp"), ("blurred", "sharp"))

# A record: length (uint64), checksum of the length (uint32), bytes, checksum of the bytes.
_HEAD = struct.Struct("<QI")
_FOOT = struct.Struct("<I")


@dataclass(frozen=True)
class _Record:
    """Where one example lies, and what was learned by reading it once."""

    file: str
    offset: int
    length: int
    checksum: int
    name: str
    sizes: tuple[tuple[int, int], ...]
    problems: tuple[str, ...]


class TfdsSource(CachingSource):
    """Pairs of a prepared TFDS data set in the TFRecord format.

    All records are read once here, to index them and to find broken or unequal images before
    training; only their headers are parsed.

    Args:
        name: TFDS name, e.g. "gopro_large/blur" or "image_pairs:1.0.0". The features must be
            encoded images "blur" (or "blurred") and "sharp"; a text "name" is used if there.
        split: "train", "test", "train[:90%]", ... or None for all splits.
        data_dir: where TFDS keeps prepared data; None is TFDS's own default.
        only: glob patterns on names; keeps what matches one of them (empty: all).
        exclude: glob patterns on names; drops what matches one of them.
        cache_bytes: int >= 0; see `FolderSource`.

    Raises:
        DataError: if TFDS is not installed, the data set is unknown, not prepared or of
            another format, or images are broken or differ in size.
    """

    more_features: tuple[str, ...] = ()  # that a subclass asks for

    def __init__(
        self,
        name: str,
        split: str | None = None,
        data_dir: str | Path | None = None,
        *,
        only: Sequence[str] = (),
        exclude: Sequence[str] = (),
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        builder = open_builder(name, data_dir)
        if not builder.is_prepared():
            raise DataError(
                f"{name} is not prepared in {builder.data_dir}. Prepare it once with "
                f"tensorflow_datasets.builder({name!r}).download_and_prepare()."
            )
        self.cache_bytes = cache_bytes
        self._title = f"{builder.info.full_name} {split or 'all splits'}"
        self._features = builder.info.features
        self._keys = _feature_keys(builder, name, self.more_features)
        pieces = _pieces(builder, name, split)
        found = [r for records in in_threads(self._index, pieces) for r in records]
        self._records = [r for r in _named(found) if image_name_wanted(r.name, only, exclude)]
        raise_problems(
            f"{self._title} is not ready for use", [p for r in self._records for p in r.problems]
        )
        if not self._records:
            raise DataError(
                f"{self._title} has no pairs after `only` and `exclude`. Received: "
                f"only={list(only)}, exclude={list(exclude)}, {len(found)} pairs before them"
            )
        self.sizes = np.array([r.sizes[0] for r in self._records], np.int64)

    @property
    def count(self) -> int:
        """Number of pairs."""
        return len(self._records)

    @property
    def names(self) -> list[str]:
        """One name a pair: the feature "name", else its number in the split."""
        return [record.name for record in self._records]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the names and the checksums that TFRecord keeps of its records."""
        digest = hashlib.sha256()
        for record in self._records:
            digest.update(f"{record.name}\0{record.length}\0{record.checksum}\n".encode())
        return digest.hexdigest()

    def describe(self) -> str:
        """Returns one line for people and logs."""
        return f"{self.count} pairs of {self._title}"

    def load(self, index: int) -> np.ndarray:
        """Decodes pair `index`: uint8 `(2, height, width, 3)`, blurred first.

        Raises:
            DataError: if the record cannot be read or the sizes differ.
            InvalidInput: if an image is broken.
        """
        example = parse_example(self._read(index))
        blurred, sharp = (self._image(index, example, key) for key in self._keys)
        return stack_pair(blurred, sharp, self._records[index].name)

    def _read(self, index: int) -> bytes:
        record = self._records[index]
        with tf.io.gfile.GFile(record.file, "rb") as stream:
            stream.seek(record.offset)
            return stream.read(record.length)

    def _image(self, index: int, example: Any, key: str) -> np.ndarray:
        name = f"{self._records[index].name} ({key})"
        return to_uint8(decode_image(_bytes(example, key), name).seen_rgb())

    def _index(self, piece: Any) -> list[_Record]:
        """Reads the records of one file that belong to the split."""
        records: list[_Record] = []
        for number, (offset, data, checksum) in enumerate(_walk(piece.filename)):
            if number < piece.skip:
                continue
            if len(records) == piece.take:
                break
            example = parse_example(data)
            name = _bytes(example, "name").decode("utf-8", "replace")
            sizes, problems = [], []
            for key in self._keys:
                title = f"{name or f'record {number} of {piece.filename}'} ({key})"
                try:
                    sizes.append(upright_size(read_header(_bytes(example, key), title), title))
                except InvalidInput as error:
                    problems.append(str(error))
            if len(set(sizes)) == 2:
                problems.append(f"{title}: sizes (height, width) differ: {sizes[0]}, {sizes[1]}")
            records.append(
                _Record(piece.filename, offset, len(data), checksum, name, (*sizes,), (*problems,))
            )
        return records


def open_builder(name: str, data_dir: str | Path | None = None) -> Any:
    """Returns the TFDS builder of a name.

    Raises:
        DataError: if TFDS is not installed or does not know the name.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(
            "TFDS is not installed. Run `pip install tfdeblur[data]` to use its data sets."
        ) from error
    if importlib.util.find_spec("tfds_builders"):
        importlib.import_module("tfds_builders")  # makes this project's data sets known to TFDS
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (ValueError, ImportError, OSError) as error:
        reason = str(error).strip().split("\n")[0]  # the rest lists all data sets there are
        raise DataError(f"TFDS cannot open {name!r}: {reason}") from error


def _feature_keys(builder: Any, name: str, more: Sequence[str] = ()) -> tuple[str, str]:
    features = dict(builder.info.features or {})
    for keys in FEATURES:
        if all(key in features for key in (*keys, *more)):
            return keys
    raise DataError(
        f"A data set for training must have the features {', '.join(['blur (or blurred)', *more])} "
        f"and sharp. Received: {name} with {sorted(features)}"
    )


def _pieces(builder: Any, name: str, split: str | None) -> list[Any]:
    """Returns TFDS's own list of files, and which of their records make up the split."""
    splits = builder.info.splits
    file_format = builder.info.file_format
    if file_format is None or file_format.value != "tfrecord":
        raise DataError(
            f"{name} must be stored as tfrecord. Received: {file_format}. Prepare it again with "
            "file_format='tfrecord'."
        )
    try:
        return splits[split or "all"].file_instructions
    except (KeyError, ValueError) as error:
        raise DataError(
            f"`split` must be one of {sorted(splits)} of {name}, or a part of it such as "
            f"train[:90%]. Received: split={split!r}"
        ) from error


def _walk(file: str) -> Iterator[tuple[int, bytes, int]]:
    """Yields `(offset, bytes, checksum)` of every record of a TFRecord file."""
    with tf.io.gfile.GFile(file, "rb") as stream:
        offset = 0
        while head := stream.read(_HEAD.size):
            length = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else -1
            data = stream.read(length) if length >= 0 else b""
            foot = stream.read(_FOOT.size)
            if len(data) != length or len(foot) != _FOOT.size:
                raise DataError(f"{file} is cut off. Prepare the data set again.")
            yield offset + _HEAD.size, data, _FOOT.unpack(foot)[0]
            offset += _HEAD.size + length + _FOOT.size


def parse_example(data: bytes) -> Any:
    """Returns the features of a serialized `tf.train.Example`, by name."""
    return tf.train.Example.FromString(data).features.feature


def _bytes(example: Any, key: str) -> bytes:
    values = example[key].bytes_list.value if key in example else ()
    return values[0] if values else b""


def _named(records: Sequence[_Record]) -> list[_Record]:
    """Gives numbers as names where the data set has none, or not one of its own for each."""
    if len({record.name for record in records} - {""}) == len(records):
        return list(records)
    return [
        _Record(**{**vars(record), "name": f"{i:06d}-{record.name}".rstrip("-")})
        for i, record in enumerate(records)
    ]
