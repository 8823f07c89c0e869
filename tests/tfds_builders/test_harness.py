"""TFDS's own test of a builder, on dummy data: every configuration of the four."""

import pytest

from tests.tfds_builders.makers import BUILDERS, write_dummy_data, write_kohler_archives

tfds = pytest.importorskip("tensorflow_datasets")

import tfds_builders  # noqa: E402
from tfds_builders.gopro_large import gopro_large_dataset_builder as gopro_large  # noqa: E402
from tfds_builders.image_pairs import image_pairs_dataset_builder as image_pairs  # noqa: E402
from tfds_builders.kohler import kohler_dataset_builder as kohler  # noqa: E402
from tfds_builders.kohler.frames import IMAGES, KERNELS, published_frames  # noqa: E402
from tfds_builders.motion_flow import motion_flow_dataset_builder as motion_flow  # noqa: E402


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
    BUILDER_CONFIG_NAMES_TO_TEST = ["given_frames"]  # the other wants all 9,552 frames: below
    SPLITS = {"test": 2}
