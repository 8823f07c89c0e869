"""What the builders share: the user's own copy of the data, or a download that is verified."""

import hashlib
from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds
from etils import epath

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.containers import png_chunks
from tfdeblur.image.header import Header
from tfdeblur.image.headers import read_header

_CHUNK_BYTES = 1 << 20


class SourceBuilder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg]
):
    """A builder that remembers how its download was configured and finds its source by that."""

    _download_config: tfds.download.DownloadConfig | None = None

    def _download_and_prepare(
        self, dl_manager: Any, download_config: tfds.download.DownloadConfig
    ) -> None:
        # TFDS does not hand this to _split_generators, which has to know what was asked for.
        self._download_config = download_config
        super()._download_and_prepare(dl_manager, download_config)

    def _own_copy(self, dl_manager: Any, names: Sequence[str]) -> epath.Path | None:
        """Returns the folder or archive that the user has provided, if any.

        Args:
            dl_manager: TFDS's download manager.
            names: folders or archives to look for in `manual_dir`, the first found is taken.

        Returns:
            A path below `manual_dir`, or `manual_dir` itself where the user has named one and
            it holds none of `names`. None where TFDS's own default holds none of them: that
            folder is shared by all data sets.

        Raises:
            DataError: if the user has named a `manual_dir` that does not exist.
        """
        given = self._download_config and self._download_config.manual_dir
        if given:
            manual_dir = epath.Path(given).expanduser()
            if not manual_dir.exists():
                raise DataError(
                    f"`manual_dir` must be a folder that exists. Received: manual_dir={given}"
                )
        else:
            try:
                manual_dir = epath.Path(dl_manager.manual_dir)
            except AssertionError:  # TFDS's way to say that its default folder is not there
                return None
        for name in names:
            if (manual_dir / name).exists():
                return manual_dir / name
        return manual_dir if given else None


def verify_download(path: epath.PathLike, digest: str, url: str) -> epath.Path:
    """Compares a downloaded file with a published checksum that TFDS cannot hold.

    TFDS verifies what is in checksums.tsv, but wants the size in bytes and a SHA-256 of each
    file there; not all authors give both. A file that differs is set aside as `NAME.wrong`, so
    that TFDS's cache does not hand it out again.

    Args:
        path: the downloaded file.
        digest: hexadecimal MD5 or SHA-256, told apart by its length.
        url: where the file came from, for the error.

    Raises:
        DataError: if the checksum differs.
    """
    path = epath.Path(path)
    found = file_digest(path, digest)
    if found == digest:
        return path
    aside = path.with_name(path.name + ".wrong")
    path.replace(aside)
    raise DataError(
        f"{url} has a wrong checksum: the download was cut off, or the file has changed.\n"
        f"  expected {digest}\n  received {found}\nRun again to download it anew; what came "
        f"was kept as {aside}. If you trust it, give it as `manual_dir` (see the README)."
    )


def file_digest(path: epath.PathLike, like: str) -> str:
    """Returns the hexadecimal MD5 or SHA-256 of a file, whichever is as long as `like`."""
    algorithm = {32: "md5", 64: "sha256"}[len(like)]
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with epath.Path(path).open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def stored_png(data: bytes, name: str) -> tuple[Any, tuple[int, int]]:
    """An 8-bit PNG as it is to be stored, and its size.

    TFDS stores the bytes of an image as they are: a broken one would be noticed when training.

    Returns:
        The bytes, or uint8 `(height, width, 3)` where they are not `read_alike`; height, width.

    Raises:
        InvalidInput: if they are no whole 8-bit PNG; `name` is used in the text.
    """
    header = read_header(data, name)
    if header.format != "png" or header.bits != 8:
        raise InvalidInput(
            f"{name} must be an 8-bit PNG. Received: {header.bits}-bit {header.format}"
        )
    if read_alike(data, header, name):
        return data, (header.height, header.width)
    from tfdeblur.image.codec import decode_image, to_uint8

    pixels = to_uint8(decode_image(data, name).seen_rgb())
    return pixels, pixels.shape[:2]


def read_alike(data: bytes, header: Header, name: str) -> bool:
    """Whether TFDS reads a file alike in both of its ways.

    `tfds.load` decodes with TensorFlow, to 8-bit RGB; `as_data_source` with OpenCV, as the file
    is: 16 bits lose all but the low ones, alpha stays, and JPEGs differ by some levels. Only PNG
    of 8-bit RGB, upright and without a transparent colour, is one to both.
    """
    if header.format != "png" or (header.bits, header.orientation, header.pictures) != (8, 1, 1):
        return False
    depth, colour = data[24], data[25]
    return (depth, colour) == (8, 2) and all(kind != b"tRNS" for kind, _ in png_chunks(data, name))
