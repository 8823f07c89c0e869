"""GOPRO_Large: blurred and sharp frames of 33 videos (Nah et al., CVPR 2017)."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfdeblur.errors import DataError
from tfds_builders.file_tree import FileTree
from tfds_builders.gopro_large.layout import Frame, find_frames, what_is_missing
from tfds_builders.source_builder import SourceBuilder, stored_png, verify_download

logger = logging.getLogger(__name__)

# One revision, so that the file cannot change under its checksum. Not in checksums.tsv: TFDS
# would compare its size as well, which is not published to the byte.
URL = (
    "https://huggingface.co/datasets/snah/GOPRO_Large/resolve/"
    "592978466ae510d2734b199cad2fc79a346bda1c/GOPRO_Large.zip"
)
SHA256 = "24532c036712515cf33803704421311c91f6a080e76049d7e5e7fd22389f128e"
COPIES = ("GOPRO_Large", "gopro_large", "GOPRO_Large.zip")


class Builder(SourceBuilder):
    """Pairs of GOPRO_Large, in the authors' splits."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="blur", description="Mean of the frames as stored, the literature's usual choice."
        ),
        tfds.core.BuilderConfig(
            name="blur_gamma", description="Mean of the frames in linear light (gamma 2.2)."
        ),
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "blur"
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Without a copy of your own the authors' archive (about 9 GB) is downloaded. Otherwise put
    GOPRO_Large.zip, or a folder GOPRO_Large, into `manual_dir`, or give the folder itself as
    `manual_dir`. It may hold {train,test}/SEQUENCE/{blur,blur_gamma,sharp}/NNNNNN.png as
    published, or {train,test}/{blur,sharp}/ or {train,test}/{input,target}/ with files named
    SEQUENCE-NNNNNN.png.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "blur": image,
                    "sharp": image,
                    "name": tfds.features.Text(),
                    "sequence": tfds.features.Text(),
                    "frame": tfds.features.Scalar(np.int64),
                }
            ),
            supervised_keys=("blur", "sharp"),
            homepage="https://seungjunnah.github.io/Datasets/gopro",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        copy = self._own_copy(dl_manager, COPIES)
        if copy is None:
            copy = verify_download(dl_manager.download(URL), SHA256, URL)
        tree = FileTree(copy)
        frames = find_frames(tree, self.builder_config.name)
        if missing := what_is_missing(frames):
            logger.warning(
                "%s is not the whole of GOPRO_Large; numbers measured on it cannot be compared "
                "with published ones:\n%s",
                tree.path,
                missing,
            )
        return {split: self._generate_examples(tree, found) for split, found in frames.items()}

    def _generate_examples(
        self, tree: FileTree, frames: Sequence[Frame]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for frame in frames:
            blur, blur_size = stored_png(tree.read(frame.blur), tree.where(frame.blur))
            sharp, sharp_size = stored_png(tree.read(frame.sharp), tree.where(frame.sharp))
            if blur_size != sharp_size:
                raise DataError(
                    f"{tree.where(frame.blur)} and its sharp partner differ in size: "
                    f"{blur_size} and {sharp_size} (height, width)."
                )
            yield (
                frame.name,
                {
                    "blur": blur,
                    "sharp": sharp,
                    "name": frame.name,
                    "sequence": frame.sequence,
                    "frame": frame.number,
                },
            )
