"""Apache Beam and the `tfds` command, in an environment of their own: Beam moves protobuf."""

import shutil

import pytest

from tests.tfds_builders.helpers import CHECKOUT, new_environment
from tests.tfds_builders.makers import write_pairs, write_photographs

pytestmark = pytest.mark.slow

MOVED_BY_BEAM = ("protobuf", "pyarrow", "pillow")

COMPARE = """
import sys

import apache_beam
import numpy as np
import tensorflow_datasets as tfds
import tfds_builders

pipelines = []
run = apache_beam.Pipeline.run
apache_beam.Pipeline.run = lambda self, *rest: pipelines.append(self) or run(self, *rest)

manual_dir, data_dir = sys.argv[1:]
found = []
for runner in (None, "DirectRunner"):
    config = tfds_builders.MotionFlowConfig(name="tiny", max_extent=9, per_image=3)
    builder = tfds.builder("motion_flow", config=config, data_dir=f"{data_dir}/{runner}")
    with_runner = tfds.download.DownloadConfig(manual_dir=manual_dir, beam_runner=runner)
    builder.download_and_prepare(download_config=with_runner)
    found.append({split: builder.as_dataset(split=split) for split in builder.info.splits})
for split in ("train", "test"):
    plain, beam = (list(data[split].as_numpy_iterator()) for data in found)
    for one, other in zip(plain, beam, strict=True):
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)
    print(split, len(plain))
print("pipelines", len(pipelines))
"""


@pytest.fixture(scope="module")
def beam(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beam")
    lock = (CHECKOUT / "requirements.lock").read_text().splitlines()
    kept = [line for line in lock if line.partition("==")[0] not in MOVED_BY_BEAM]
    run = new_environment(folder, "beam", kept)
    write_photographs(folder / "photographs", 4)
    write_pairs(folder / "pairs")
    yield folder, run
    shutil.rmtree(folder)  # an environment takes 3 GB, and pytest keeps three runs


def test_beam_makes_the_same_examples(beam):
    folder, run = beam
    (folder / "compare.py").write_text(COMPARE)
    answer = run("python", "compare.py", folder / "photographs", folder / "compared")
    assert answer.splitlines()[-3:] == ["train 9", "test 3", "pipelines 1"]


def test_the_tfds_command_by_name_with_beam(beam):
    folder, run = beam
    run(
        *("tfds", "build", "motion_flow/physical_23", "--imports", "tfds_builders"),
        *("--data_dir", folder / "named", "--manual_dir", folder / "photographs"),
        *("--beam_pipeline_options", "runner=DirectRunner"),
    )
    assert list((folder / "named/motion_flow/physical_23/1.0.0").glob("*-train.tfrecord*"))


def test_the_tfds_command_by_folder(beam):
    folder, run = beam
    (builder,) = (folder / "env/lib").glob("python*/site-packages/tfds_builders/image_pairs")
    run(
        *("tfds", "build", builder),
        *("--data_dir", folder / "by_folder", "--manual_dir", folder / "pairs"),
    )
    assert list((folder / "by_folder/image_pairs/manual/1.0.1").glob("*-test.tfrecord*"))
