"""Photographs blurred by random motion flows, with the flow (after Gong et al., CVPR 2017)."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfdeblur.errors import DataError, InvalidInput
from tfds_builders.file_tree import FileTree
from tfds_builders.motion_flow.examples import (
    Photograph,
    Recipe,
    choose_photographs,
    examples_of,
)
from tfds_builders.source_builder import SourceBuilder

URL = "http://images.cocodataset.org/zips/val2017.zip"
ARCHIVE = "val2017.zip"
COPIES = ("motion_flow", "val2017", ARCHIVE)


@dataclasses.dataclass(eq=False)
class MotionFlowConfig(tfds.core.BuilderConfig):
    """What is drawn from which photographs.

    TFDS keeps prepared data by name and version and does not look at the other values again:
    give a configuration of your own a `name` of its own.

    Args:
        name: of the prepared data, as in motion_flow/NAME.
        law: "gong2018" or "physical", see `tfdeblur.data.flows`.
        max_extent: ceiling on |u| and |v|, pixels, > 0.
        strength: "strong" or "mild", the ranges of the motions' parameters.
        per_image: int >= 1, examples made of each photograph.
        sharp_images: int >= 2, photographs to draw.
        train_images: int in [1, sharp_images), how many of them are for training.
        seed: int, another one gives other motions.

    Raises:
        InvalidInput: if a number is out of its range.
    """

    law: str = "gong2018"
    max_extent: float = 23
    strength: str = "strong"
    per_image: int = 10
    sharp_images: int = 1200
    train_images: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.per_image < 1:
            raise InvalidInput(
                f"`per_image` must be at least 1. Received: per_image={self.per_image}"
            )
        if not 1 <= self.train_images < self.sharp_images:
            raise InvalidInput(
                "`train_images` must be at least 1 and below `sharp_images`. Received: "
                f"train_images={self.train_images}, sharp_images={self.sharp_images}"
            )


class Builder(SourceBuilder):
    """Blurred, sharp and flow: 10,000 examples to train and 2,000 to test, if undisturbed."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        MotionFlowConfig(
            name="mscoco_23", description="The released law, components up to 23 pixels."
        ),
        MotionFlowConfig(
            name="mscoco_46",
            max_extent=46,
            description="The released law, components up to 46 pixels.",
        ),
        MotionFlowConfig(
            name="physical_23",
            law="physical",
            description="True rotations and zooms, components up to 23 pixels.",
        ),
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "mscoco_23"
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Without photographs of your own, COCO's val2017.zip (0.8 GB) is downloaded. Otherwise give a
    folder of sharp photographs as `manual_dir`, or put it there as a folder motion_flow; or put
    val2017.zip there.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
        flow = tfds.features.Tensor(shape=(None, None, 2), dtype=np.float32, encoding="zlib")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "blurred": image,
                    "sharp": image,
                    "flow": flow,
                    "name": tfds.features.Text(),
                    "seed": tfds.features.Scalar(np.int64),
                    "factor": tfds.features.Scalar(np.float32),
                }
            ),
            supervised_keys=("blurred", "sharp"),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        copy = self._own_copy(dl_manager, COPIES)
        if copy is None or copy.name == ARCHIVE:
            copy = dl_manager.download(URL)  # TFDS finds it in manual_dir, and verifies it
        config = self.builder_config
        tree = FileTree(copy)
        chosen = choose_photographs(tree, config.sharp_images, config.train_images)
        return {split: self._generate_examples(tree, found) for split, found in chosen.items()}

    def _generate_examples(self, tree: FileTree, photographs: Sequence[Photograph]) -> Any:
        """Returns a generator, or a Beam transform where a runner or its options were given."""
        config = self.builder_config
        names = (field.name for field in dataclasses.fields(Recipe))
        recipe = Recipe(**{name: getattr(config, name) for name in names})
        make = functools.partial(examples_of, tree=tree, recipe=recipe)
        asked = self._download_config
        if asked is None or not (asked.beam_runner or asked.beam_options):
            return itertools.chain.from_iterable(map(make, photographs))
        beam = _beam()
        # Reshuffle, else runners leave all that follows a Create to one worker.
        return beam.Create(photographs) | beam.Reshuffle() | beam.FlatMap(make)


def _beam() -> Any:
    try:
        import apache_beam
    except ImportError as error:
        raise DataError(
            "A Beam runner was asked for, but Apache Beam is not installed. Make an environment "
            "of its own for it: pip install 'tfdeblur[beam]'. Or leave the runner out."
        ) from error
    return apache_beam
