"""TFDS data sets for deblurring; importing this package makes them known to TFDS.

    import tensorflow_datasets as tfds
    import tfds_builders

    pairs = tfds.load("gopro_large/blur", split="train")

gopro_large, kohler, motion_flow and image_pairs: each folder has a README with its sources,
features and licence.
"""

from tfds_builders.gopro_large import gopro_large_dataset_builder as _gopro_large
from tfds_builders.image_pairs import image_pairs_dataset_builder as _image_pairs
from tfds_builders.kohler import kohler_dataset_builder as _kohler
from tfds_builders.motion_flow import motion_flow_dataset_builder as _motion_flow

ImagePairsConfig = _image_pairs.ImagePairsConfig
MotionFlowConfig = _motion_flow.MotionFlowConfig

BUILDERS = tuple(
    module.Builder.name for module in (_gopro_large, _image_pairs, _kohler, _motion_flow)
)

__all__ = ["BUILDERS", "ImagePairsConfig", "MotionFlowConfig"]
