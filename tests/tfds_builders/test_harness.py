"""TFDS's own test of a builder, on dummy data: every configuration of the four."""

import tempfile
from unittest import mock

import tensorflow_datasets as tfds
from etils import epath

import tfds_builders
from tests.tfds_builders.makers import BUILDERS, write_dummy_data, write_kohler_archives
from tfds_builders.gopro_large import gopro_large_dataset_builder as gopro_large
from tfds_builders.image_pairs import image_pairs_dataset_builder as image_pairs
from tfds_builders.kohler import kohler_dataset_builder as kohler
from tfds_builders.kohler.frames import IMAGES, KERNELS, published_frames
from tfds_builders.motion_flow import motion_flow_dataset_builder as motion_flow
from tfds_builders.source_builder import file_digest


class GoproLargeTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = gopro_large.Builder
    SPLITS = {"train": 2, "test": 1}


class ImagePairsTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = image_pairs.Builder
    SPLITS = {"train": 2, "test": 1}


class MotionFlowTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = motion_flow.Builder
    SPLITS = {"train": 20, "test": 10}  # 3 photographs, shared as 1,200 would be


class KohlerTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = kohler.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["given_frames"]  # the other wants all 9,547 frames: below
    SPLITS = {"test": 2}


class WholeKohlerTest(tfds.testing.DatasetBuilderTestCase):
    """48 images and 9,547 frames of 2x2 pixels, too many files to lie in dummy_data."""

    DATASET_CLASS = kohler.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["all_frames"]
    SPLITS = {"test": 48}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Not EXAMPLE_DIR: TFDS looks at that when pytest collects the class, before this.
        cls.dummy_data = epath.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        counts = {(i, k): published_frames(i, k) for i in IMAGES for k in KERNELS}
        folder = write_kohler_archives(cls.dummy_data / "kohler", counts)
        digests = {name: file_digest(folder / name, "0" * 32) for name in kohler.MD5}
        cls.enterClassContext(mock.patch.object(kohler, "MD5", digests))


def test_the_dummy_data_are_those_that_the_makers_write(tmp_path):
    write_dummy_data(tmp_path)
    for builder in tfds_builders.BUILDERS:
        shipped, made = (
            {path.relative_to(root): path for path in (root / builder).rglob("dummy_data/**/*.*")}
            for root in (BUILDERS, tmp_path)
        )
        assert shipped.keys() == made.keys() and shipped
