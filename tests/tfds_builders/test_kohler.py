import hashlib
import logging

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.tfds_builders.helpers import assert_nothing_left, build
from tests.tfds_builders.makers import (
    KOHLER_ARCHIVES,
    drawing,
    encoded,
    write_kohler,
    write_kohler_archives,
)
from tfdeblur.errors import DataError
from tfds_builders.file_tree import FileTree
from tfds_builders.kohler import kohler_dataset_builder as module
from tfds_builders.kohler.frames import (
    IMAGES,
    KERNELS,
    Shot,
    find_shots,
    published_frames,
    what_is_missing,
)

COUNTS = {(i, k): published_frames(i, k) for i in IMAGES for k in KERNELS}


def whole_benchmark():
    return [Shot(i, k, None, dict.fromkeys(range(1, n + 1))) for (i, k), n in COUNTS.items()]


def test_the_published_counts():
    assert len(COUNTS) == 48 and sum(COUNTS.values()) == 48 * 199 + 1 - 6
    assert what_is_missing(whole_benchmark()) == []


def test_missing_frames_are_named():
    shots = whole_benchmark()
    for number in (3, 4, 5, 30):
        del shots[2].frames[number]
    del shots[11].frames[198]
    shots[0].frames[200] = None
    shots.pop(20)
    assert what_is_missing(shots) == [
        "GroundTruth1_1_N.png: not published, N = 200",
        "GroundTruth1_3_N.png: 4 of 199 frames are missing, N = 3-5, 30",
        "GroundTruth1_12_N.png: 1 of 198 frames are missing, N = 198",
        "Blurry2_9.png is missing",
    ]


def digests(folder):
    return {n: hashlib.md5((folder / n).read_bytes()).hexdigest() for n in KOHLER_ARCHIVES}


def test_archives_are_the_benchmark_in_its_order(tmp_path, monkeypatch):
    counts = {(1, 1): 2, (1, 10): 3, (1, 2): 2, (4, 1): 1}
    folder = write_kohler_archives(tmp_path / "manual" / "kohler", counts)
    monkeypatch.setattr(module, "MD5", digests(folder))
    builder = build("kohler/given_frames", tmp_path / "data", tmp_path / "manual")
    examples = list(builder.as_dataset(split="test").as_numpy_iterator())
    assert [e["name"] for e in examples] == [
        *(b"Blurry1_1", b"Blurry1_2", b"Blurry1_10", b"Blurry4_1")
    ]
    assert (examples[2]["image"], examples[2]["kernel"]) == (1, 10)
    np.testing.assert_array_equal(examples[2]["frame_numbers"], [1, 2, 3])
    assert examples[2]["frames"].shape == (3, 2, 2, 3)
    np.testing.assert_array_equal(examples[2]["frames"][:, 0, 0, 0], [1, 2, 3])


def test_frames_can_be_left_encoded_and_decoded_one_by_one(tmp_path):
    folder = write_kohler(tmp_path / "kohler")
    builder = build("kohler/given_frames", tmp_path / "data", folder)
    lazily = builder.as_dataset(split="test", decoders={"frames": tfds.decode.SkipDecoding()})
    assert lazily.element_spec["frames"] == tf.TensorSpec((None,), tf.string)
    example = list(lazily)[1]
    assert example["name"] == b"Blurry4_12"
    assert [frame.numpy() for frame in example["frames"]] == [
        encoded(drawing(16, 16, seed=100 + f)) for f in (1, 2, 3)
    ]
    third = builder.info.features["frames"].feature.decode_example(example["frames"][2])
    np.testing.assert_array_equal(third, drawing(16, 16, seed=103))


def test_an_incomplete_copy_is_refused_or_warned_of(tmp_path, caplog):
    folder = write_kohler(tmp_path / "kohler")
    with pytest.raises(DataError, match=r"not complete \(kohler/given_.*48 problems:") as error:
        build("kohler", tmp_path / "data", folder)
    assert "GroundTruth1_1_N.png: 196 of 199 frames are missing, N = 4-199" in str(error.value)
    assert_nothing_left(tmp_path / "data")
    with caplog.at_level(logging.WARNING, module.__name__):
        build("kohler/given_frames", tmp_path / "data", folder)
    assert "not its scores" in caplog.text and "Blurry3_12.png is missing" in caplog.text


def test_a_blurred_image_without_frames_is_an_error(tmp_path):
    folder = write_kohler(tmp_path)
    for path in folder.rglob("GroundTruth4_12_*"):
        path.unlink()
    with pytest.raises(DataError, match=r"1 problem:\n  Blurry4_12\.png has no ground truth"):
        find_shots([FileTree(folder)])
    with pytest.raises(DataError, match=r"no blurred images named BlurryI_K\.png"):
        find_shots([FileTree(folder / "Image1")])


def test_wrong_archives_are_named_and_leave_nothing(tmp_path, monkeypatch):
    folder = write_kohler_archives(tmp_path / "kohler", {(1, 1): 1})
    with pytest.raises(DataError, match=r"BlurryImages\.zip has a wrong MD5: .*\n  expected 61f"):
        build("kohler/given_frames", tmp_path / "data", folder)
    assert_nothing_left(tmp_path / "data")
    monkeypatch.setattr(module, "MD5", digests(folder))
    assert build("kohler/given_frames", tmp_path / "data", folder).info.splits["test"]


def test_downloads_are_verified(tmp_path, monkeypatch):
    folder = write_kohler_archives(tmp_path / "server", {(2, 1): 2})
    right = digests(folder)
    monkeypatch.setattr(module, "URL", f"{folder}/")
    monkeypatch.setattr(module, "MD5", right | {KOHLER_ARCHIVES[2]: "0" * 32})
    with pytest.raises(DataError, match=r"Image2\.zip has a wrong checksum: .*\n  expected 0000"):
        build("kohler/given_frames", tmp_path / "data")
    assert_nothing_left(tmp_path / "data")
    monkeypatch.setattr(module, "MD5", right)
    builder = build("kohler/given_frames", tmp_path / "data")
    assert builder.info.splits["test"].num_examples == 1
