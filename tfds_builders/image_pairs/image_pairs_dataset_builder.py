"""Any folder of blurred and sharp images."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfdeblur.errors import DataError
from tfds_builders.source_builder import SourceBuilder, read_alike


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
        pairs: two patterns of the paths of blurred and of sharp images, where the layout of the
            folder is none of the known; see `tfdeblur.data.pair_lists`.
    """

    path: str | None = None
    blur_folder: str | None = None
    pairs: tuple[str, ...] = ()


class Builder(SourceBuilder):
    """Pairs from a folder in one of `tfdeblur.data.pair_search.LAYOUTS`, or a CSV file."""

    VERSION = tfds.core.Version("1.0.1")
    RELEASE_NOTES = {
        "1.0.0": "First release.",
        "1.0.1": "Images are stored so that tfds.load and as_data_source read the same.",
    }
    pairs: Sequence[str] = ()  # as `ImagePairsConfig.pairs`, in its place
    BUILDER_CONFIGS = [
        ImagePairsConfig(name="manual", description="The folder given as `manual_dir`.")
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Give a folder of pairs, or a CSV file with the columns blur and sharp, as `manual_dir`, or put
    it there as a folder image_pairs: {blur,sharp}/NAME.png, or the same below folders train and
    test (or val), or as GOPRO_Large, REDS, RealBlur and HIDE are published.
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
        from tfdeblur.data.folders import find_pairs, splits_in
        from tfdeblur.data.sources import white_of_pairs

        config = self.builder_config
        folder = config.path or self._own_copy(dl_manager, ["image_pairs"])
        if folder is None:
            raise DataError(
                "image_pairs needs a folder of pairs: give `manual_dir` in the DownloadConfig, or "
                "an ImagePairsConfig with `path`."
            )
        folder = Path(folder).expanduser()
        patterns = self.pairs or config.pairs
        splits: list[str | None] = [None] if patterns else [*splits_in(folder)] or [None]
        pairs = {
            split: find_pairs(folder, split, blur_folder=config.blur_folder, patterns=patterns)
            for split in splits
        }
        white = white_of_pairs([pair for some in pairs.values() for pair in some])
        return {split or "train": self._generate_examples(p, white) for split, p in pairs.items()}

    def _generate_examples(
        self, pairs: Sequence[Any], white: Any
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for pair in pairs:
            blur, sharp = _storable(pair.blurred, white), _storable(pair.sharp, white)
            yield pair.name, {"blur": blur, "sharp": sharp, "name": pair.name}


def _storable(path: Path, white: Any) -> Path | np.ndarray:
    """Returns the file itself if TFDS reads it alike in both ways, else its pixels (as PNG)."""
    from tfdeblur.image.codec import to_uint8
    from tfdeblur.image.headers import read_header

    data = path.read_bytes()
    if read_alike(data, read_header(data, str(path)), str(path)):
        return path
    return to_uint8(white.read(path).seen_rgb())
