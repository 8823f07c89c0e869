"""Any folder of blurred and sharp images."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfdeblur.errors import DataError
from tfds_builders.source_builder import SourceBuilder


@dataclasses.dataclass(eq=False)
class ImagePairsConfig(tfds.core.BuilderConfig):
    """Which folder to read.

    TFDS keeps prepared data by name and version and does not look at `path` again: give each
    folder a `name` of its own.

    Args:
        name: of the prepared data, as in image_pairs/NAME.
        path: the folder of pairs; None takes `manual_dir`.
        blur_folder: name of the folders with the blurred images where there are several, such
            as "blur_gamma"; None takes the first of blur, blurred, input.
    """

    path: str | None = None
    blur_folder: str | None = None


class Builder(SourceBuilder):
    """Pairs from a folder in one of `tfdeblur.data.folders.LAYOUTS`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        ImagePairsConfig(name="manual", description="The folder given as `manual_dir`.")
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Give a folder of pairs as `manual_dir`, or put it there as a folder image_pairs:
    {blur,sharp}/NAME.png, or the same below folders train and test (or val), or GOPRO_Large's
    own layout. blur may also be named blurred or input, sharp also target or gt.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(None, None, 3))  # the files as they are
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"blur": image, "sharp": image, "name": tfds.features.Text()}
            ),
            supervised_keys=("blur", "sharp"),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        from tfdeblur.data.folders import SPLIT_FOLDERS, find_pairs

        config = self.builder_config
        folder = config.path or self._own_copy(dl_manager, ["image_pairs"])
        if folder is None:
            raise DataError(
                "image_pairs needs a folder of pairs: give `manual_dir` in the DownloadConfig, or "
                "an ImagePairsConfig with `path`."
            )
        folder = Path(folder).expanduser()
        found = [name for name in SPLIT_FOLDERS if (folder / name).is_dir()]
        splits: list[str | None] = [*found] or [None]
        pairs = {
            split: find_pairs(folder, split, blur_folder=config.blur_folder) for split in splits
        }
        return {split or "train": self._generate_examples(p) for split, p in pairs.items()}

    def _generate_examples(self, pairs: Sequence[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for pair in pairs:
            blur, sharp = _storable(pair.blurred), _storable(pair.sharp)
            yield pair.name, {"blur": blur, "sharp": sharp, "name": pair.name}


def _storable(path: Path) -> Path | np.ndarray:
    """Returns the file itself if TFDS can decode it as it is, else its pixels (stored as PNG).

    TensorFlow knows neither WebP nor TIFF and does not apply EXIF turns, which would tear a
    pair apart.
    """
    from tfdeblur.image.headers import read_header

    header = read_header(path.read_bytes(), str(path))
    if header.format in ("png", "jpeg") and header.orientation == 1 and header.pictures == 1:
        return path
    from tfdeblur.image.codec import read_image, to_uint8

    return to_uint8(read_image(path).rgb)
