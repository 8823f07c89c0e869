"""The camera shake benchmark of Köhler et al., ECCV 2012, with all ground-truth frames."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from tfdeblur.errors import DataError
from tfds_builders.file_tree import FileTree
from tfds_builders.kohler.frames import File, Shot, find_shots, what_is_missing
from tfds_builders.source_builder import SourceBuilder, file_digest, stored_png, verify_download

logger = logging.getLogger(__name__)

URL = "http://people.kyb.tuebingen.mpg.de/rolfk/BenchmarkECCV2012/"
# Not in checksums.tsv: TFDS knows SHA-256 only, and the archives are known by their MD5.
MD5 = {
    "BlurryImages.zip": "61ffb1434d93fca6c508976a7216d723",
    "GroundTruth_pngs_Image1.zip": "acb90b6d9bfdb4b2370e08a5fcb80e68",
    "GroundTruth_pngs_Image2.zip": "da440d3bf43b32bec0b7170ccd828f29",
    "GroundTruth_pngs_Image3.zip": "3a77c41c951367f35db52eb18496bbac",
    "GroundTruth_pngs_Image4.zip": "72ce9690c3ed1296358653396cf9576d",
}


class Builder(SourceBuilder):
    """48 camera shakes (4 images, 12 trajectories) and the sharp frames along each."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="all_frames",
            description="The whole benchmark; a missing frame is an error that names it.",
        ),
        tfds.core.BuilderConfig(
            name="given_frames",
            description="Whatever is in `manual_dir`, at least one frame an image: scores from "
            "it are not those of the benchmark.",
        ),
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "all_frames"
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Put BlurryImages.zip and GroundTruth_pngs_Image{1,2,3,4}.zip of the benchmark's page into a
    folder kohler in `manual_dir`, or unpack them there, or give the folder itself as
    `manual_dir`. Without it, the archives are downloaded from the authors' server.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "blurred": image,
                    "frames": tfds.features.Sequence(image),
                    "frame_numbers": tfds.features.Sequence(tfds.features.Scalar(np.int64)),
                    "name": tfds.features.Text(),
                    "image": tfds.features.Scalar(np.int64),
                    "kernel": tfds.features.Scalar(np.int64),
                }
            ),
            homepage="https://webdav.tuebingen.mpg.de/pixel/benchmark4camerashake/",
            disable_shuffling=True,  # the order of the benchmark's tables
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        copy = self._own_copy(dl_manager, ["kohler"])
        if copy is None:
            downloads = dl_manager.download({name: URL + name for name in MD5})
            trees = [
                FileTree(verify_download(path, MD5[name], URL + name))
                for name, path in downloads.items()
            ]
        else:
            trees = _own_trees(copy)
        shots = find_shots(trees)
        if faults := what_is_missing(shots):
            self._complain(faults)
        return {"test": self._generate_examples(shots)}

    def _complain(self, faults: Sequence[str]) -> None:
        from tfdeblur.data.folders import raise_problems

        if self.builder_config.name == "all_frames":
            raise_problems(
                "The Köhler benchmark is not complete (kohler/given_frames takes what there is)",
                faults,
            )
        logger.warning(
            "This is not the whole Köhler benchmark; scores from it are not its scores:\n  %s",
            "\n  ".join(faults),
        )

    def _generate_examples(self, shots: Sequence[Shot]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, shot in enumerate(shots):
            blurred, size = _read(shot.blurred)
            frames = []
            for place in shot.frames.values():
                frame, frame_size = _read(place)
                if frame_size != size:
                    raise DataError(
                        f"{place[0].where(place[1])} and {shot.name}.png differ in size: "
                        f"{frame_size} and {size} (height, width)."
                    )
                frames.append(frame)
            yield (
                number,
                {
                    "blurred": blurred,
                    "frames": frames,
                    "frame_numbers": list(shot.frames),
                    "name": shot.name,
                    "image": shot.image,
                    "kernel": shot.kernel,
                },
            )


def _own_trees(copy: epath.Path) -> list[FileTree]:
    """Returns the benchmark's archives that lie in a folder, verified, and the folder itself."""
    trees = [FileTree(copy)]
    for name, digest in MD5.items():
        path = copy / name
        if not path.exists():
            continue
        if (found := file_digest(path, digest)) != digest:
            raise DataError(
                f"{path} has a wrong MD5: it was cut off, or is another file.\n"
                f"  expected {digest}\n  received {found}\nDownload it again from {URL}{name}, "
                "or unpack it into the folder and remove it."
            )
        trees.append(FileTree(path))
    return trees


def _read(place: File) -> tuple[Any, tuple[int, int]]:
    """Returns a PNG file as it is to be stored, and its size (height, width)."""
    tree, name = place
    return stored_png(tree.read(name), tree.where(name))
