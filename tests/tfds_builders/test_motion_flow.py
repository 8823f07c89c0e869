import sys
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from tests.tfds_builders.helpers import assert_nothing_left, build
from tests.tfds_builders.makers import drawing, encoded, write, write_photographs, zipped
from tfdeblur.data import TfdsSource
from tfdeblur.data.flows import border, random_flow
from tfdeblur.data.synthesis import synthesize_pair
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.codec import read_image
from tfds_builders import MotionFlowConfig
from tfds_builders.file_tree import FileTree
from tfds_builders.motion_flow.examples import Recipe, choose_photographs, examples_of

RECIPE = Recipe(law="gong2018", max_extent=9, strength="strong", per_image=2, seed=0)


def names(chosen):
    return {split: [photograph.name for photograph in found] for split, found in chosen.items()}


def test_an_example_is_a_photograph_blurred_by_its_flow(tmp_path):
    folder = write_photographs(tmp_path / "photographs")
    config = MotionFlowConfig(name="mine", max_extent=9, per_image=2, seed=5)
    builder = build("motion_flow", tmp_path, folder, config=config)
    assert {s: i.num_examples for s, i in builder.info.splits.items()} == {"train": 4, "test": 2}
    seeds = []
    for example in builder.as_dataset(split="train+test").as_numpy_iterator():
        stem, _, number = example["name"].decode().rpartition("-")
        assert number in ("00", "01")
        photograph = read_image(folder / f"{stem}.jpg").rgb
        seeds.append(int(example["seed"]))
        pair = synthesize_pair(photograph, seeds[-1], "gong2018", 9)
        for key in ("blurred", "sharp", "flow"):
            np.testing.assert_array_equal(example[key], getattr(pair, key))
        assert example["factor"] == np.float32(pair.factor)
        whole = random_flow(seeds[-1], *photograph.shape[:2], "gong2018", 9)
        rows, columns = border(whole)
        height, width = whole.shape[:2]
        np.testing.assert_array_equal(
            example["flow"], whole[rows : height - rows, columns : width - columns]
        )
    assert len(set(seeds)) == 6
    # A configuration of one's own is found by its name, and read for training.
    assert tfds.load("motion_flow/mine", split="test", data_dir=tmp_path).cardinality() == 2
    assert TfdsSource("motion_flow/mine", "train", tmp_path).count == 4


def test_an_archive_gives_the_same_as_its_folder(tmp_path):
    folder = write_photographs(tmp_path / "packed" / "val2017").parent
    trees = FileTree(folder / "val2017"), FileTree(zipped(folder, tmp_path / "val2017.zip"))
    chosen = [choose_photographs(tree, 1200, 1000) for tree in trees]
    assert names(chosen[0]) == names(chosen[1])
    assert [len(found) for found in chosen[0].values()] == [2, 1]
    examples = [
        list(examples_of(c["test"][0], tree, RECIPE)) for c, tree in zip(chosen, trees, strict=True)
    ]
    for (key, example), (other_key, other) in zip(*examples, strict=True):
        assert key == other_key
        for name, value in example.items():
            np.testing.assert_array_equal(value, other[name])


def test_seeds_follow_name_number_and_seed_only(tmp_path):
    tree = FileTree(write_photographs(tmp_path, 2))
    first, second = choose_photographs(tree, 2, 1)["train"][0], RECIPE
    seeds = [example["seed"] for _, example in examples_of(first, tree, second)]
    other = Recipe(**vars(RECIPE) | {"seed": 1})
    assert seeds != [example["seed"] for _, example in examples_of(first, tree, other)]
    write(tmp_path / "another.png", drawing(40, 40))
    assert seeds == [example["seed"] for _, example in examples_of(first, tree, RECIPE)]


class Names(FileTree):
    """Photographs without pixels: a PNG header says the size that the name says."""

    def __init__(self, small, large):
        self.names = [f"{i:03d}-300.png" for i in range(small)]
        self.names += [f"{i:03d}-400.png" for i in range(large)]
        self.path = "photographs"

    def read(self, name):
        side = int(name[4:7])
        return encoded(np.zeros((side, 2 * side, 3), np.uint8))


def test_splits_keep_their_shares_and_small_photographs_come_last():
    chosen = names(choose_photographs(Names(6, 18), 12, 10))
    assert [len(found) for found in chosen.values()] == [10, 2]
    assert not set(chosen["train"]) & set(chosen["test"])
    assert all(name.endswith("400") for found in chosen.values() for name in found)
    fewer = names(choose_photographs(Names(4, 2), 12, 10))
    assert [len(found) for found in fewer.values()] == [5, 1]
    assert len({name for found in fewer.values() for name in found}) == 6
    assert [len(f) for f in choose_photographs(Names(0, 2), 12, 10).values()] == [1, 1]
    with pytest.raises(DataError, match=r"at least two photographs.*Received: 1"):
        choose_photographs(Names(1, 0), 12, 10)


@pytest.mark.parametrize(
    ("file", "data", "text"),
    [
        ("broken.jpg", b"\xff\xd8\xff\xe0", r"1 problem:\n.*broken\.jpg is cut off"),
        ("empty.png", b"", r"1 problem:\n.*empty\.png is empty"),
        ("photo-0.png", drawing(64, 64), r"would both be named photo-0"),
        ("tiny.png", drawing(4, 4), r"tiny\.png cannot be used: The photograph must be larger"),
    ],
)
def test_a_bad_photograph_is_named_and_nothing_left(file, data, text, tmp_path):
    folder = write_photographs(tmp_path / "photographs", 2)
    if isinstance(data, bytes):
        (folder / file).write_bytes(data)
    else:
        write(folder / file, data)
    with pytest.raises(DataError, match=text):
        build("motion_flow/mscoco_46", tmp_path / "data", folder)
    assert_nothing_left(tmp_path / "data")


def test_cocos_archive_is_verified_by_tfds(tmp_path):
    manual = tmp_path / "manual"
    manual.mkdir()
    with zipfile.ZipFile(manual / "val2017.zip", "w") as archive:
        archive.writestr("val2017/1.jpg", b"not COCO")
    with pytest.raises(NonMatchingChecksumError, match="(?s)wrong checksum.*4f7e2ccb"):
        build("motion_flow", tmp_path / "data", manual)
    assert_nothing_left(tmp_path / "data")


def test_beam_is_not_needed_until_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    builder = tfds.builder("motion_flow", data_dir=tmp_path)
    config = tfds.download.DownloadConfig(
        manual_dir=write_photographs(tmp_path / "photographs", 2), beam_runner="DirectRunner"
    )
    with pytest.raises(DataError, match=r"Apache Beam is not installed.*tfdeblur\[beam\]"):
        builder.download_and_prepare(download_config=config)
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"per_image": 0}, r"`per_image` must be at least 1\. Received: per_image=0"),
        ({"train_images": 1200}, r"below `sharp_images`\. Received: train_images=1200"),
        ({"train_images": 0}, r"`train_images` must be at least 1"),
    ],
)
def test_bad_configurations(values, text):
    with pytest.raises(InvalidInput, match=text):
        MotionFlowConfig(name="bad", **values)


@pytest.mark.parametrize("values", [{"law": "gong"}, {"max_extent": -1}, {"strength": "odd"}])
def test_a_bad_law_is_named_when_building(values, tmp_path):
    config = MotionFlowConfig(name="bad", **values)
    with pytest.raises(DataError, match=next(iter(values))):
        build("motion_flow", tmp_path, write_photographs(tmp_path / "p", 2), config=config)
    assert_nothing_left(tmp_path)
