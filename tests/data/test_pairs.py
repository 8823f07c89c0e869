from itertools import islice

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.makers import coordinate_source, coordinates, source, write_pairs
from tfdeblur.data import Augment, evaluation_images, find_pairs, panel_pairs, training_batches
from tfdeblur.data.sources import FolderSource
from tfdeblur.errors import DataError

AUGMENT = Augment(crop=8, turns=True, permute_channels=True)
WHOLE = Augment(crop=4, flips=False)  # of 4x4 images: shows which record it is


def batches(pairs, count=None, **kwargs):
    arguments = {"augment": AUGMENT, "batch": 2, "seed": 5, **kwargs}
    return list(islice(training_batches(pairs, **arguments).as_numpy_iterator(), count))


def assert_same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module", params=[1 << 30, 0], ids=["in memory", "decoded on access"])
def pairs(request, tmp_path_factory):
    return source(tmp_path_factory.mktemp("pairs"), 5, cache_bytes=request.param)


def test_shape_type_and_range(pairs):
    dataset = training_batches(pairs, augment=AUGMENT, batch=3, seed=0)
    assert dataset.element_spec == (tf.TensorSpec((3, 8, 8, 3), tf.float32),) * 2
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    values = np.unique(next(iter(dataset))[0])
    np.testing.assert_array_equal(np.round(values * 255) / np.float32(255), values)
    assert values.min() >= 0 and 0.9 < values.max() <= 1


def test_seeds_and_epochs(pairs):
    first = batches(pairs, 10)
    assert_same(first, batches(pairs, 10))
    other = batches(pairs, 10, seed=6)
    assert not any(np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=True))
    crops = {image.tobytes() for blurred, _ in first for image in blurred}
    assert len(crops) == 20  # 4 epochs of 5 pairs: nothing repeats


@settings(deadline=None, max_examples=6)
@given(start=st.integers(0, 23), batch=st.integers(1, 4))
def test_a_resumed_stream_is_the_same_stream(pairs, start, batch):
    whole = batches(pairs, batch=1, stop=24)
    resumed = batches(pairs, batch=batch, start=start, stop=24)
    assert len(resumed) == (24 - start) // batch
    joined = [np.concatenate(x) for x in zip(*resumed, strict=True)] if resumed else []
    for part, images in enumerate(joined):
        expected = [b[part][0] for b in whole[start : start + len(images)]]
        np.testing.assert_array_equal(images, expected)


def test_from_memory_and_from_files_the_same(tmp_path):
    memory = source(tmp_path, 4)
    files = FolderSource(memory.pairs, cache_bytes=0)
    assert type(memory.reader()) is not type(files.reader())
    assert_same(batches(memory, 8), batches(files, 8))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_each_pair_comes_once_an_epoch_with_its_own_partner(tmp_path, count):
    pixels = write_pairs(tmp_path, [f"p{i}" for i in range(count)], 4, 4)
    by_blurred = {b.tobytes(): (name, s) for name, (b, s) in pixels.items()}
    orders = []
    stream = iter(batches(FolderSource(find_pairs(tmp_path)), 12 * count, augment=WHOLE, batch=1))
    for _ in range(12):
        order = []
        for blurred, sharp in islice(stream, count):
            name, partner = by_blurred[np.round(blurred[0] * 255).astype(np.uint8).tobytes()]
            np.testing.assert_array_equal(np.round(sharp[0] * 255), partner)
            order.append(name)
        assert sorted(order) == sorted(pixels)
        orders.append(tuple(order))
    assert count == 1 or len(set(orders)) > 1


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_crops_lie_where_they_say(tmp_path, cache_bytes):
    pairs = coordinate_source(tmp_path, 9, 13, cache_bytes=cache_bytes)
    corners = set()
    for blurred, sharp in batches(pairs, 150, augment=Augment(6, flips=False), batch=2):
        np.testing.assert_array_equal(blurred, sharp)
        for crop in np.round(blurred * 255).astype(int):
            top, left = crop[0, 0, :2]
            np.testing.assert_array_equal(crop, coordinates(9, 13)[top : top + 6, left : left + 6])
            corners.add((top, left))
    assert corners == {(top, left) for top in range(4) for left in range(8)}


def test_a_crop_that_does_not_fit_names_the_images(tmp_path):
    write_pairs(tmp_path, ["small"], 6, 20)
    write_pairs(tmp_path, ["large"], 20, 20)
    with pytest.raises(DataError, match=r"crop=8.*1 of 2 pairs:\n  small: 20x6\n.*at most 6"):
        batches(FolderSource(find_pairs(tmp_path)))


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"batch": 0}, "`batch` must be at least 1. Received: batch=0"),
        ({"seed": -1}, "`seed` must be from 0 to 2**31 - 1. Received: seed=-1"),
        ({"seed": 2**31}, "`seed` must be from 0"),
        ({"start": -1}, "`start` must be at least 0. Received: start=-1"),
        ({"start": 5, "stop": 4}, "`stop` must be at least `start`. Received: start=5, stop=4"),
    ],
)
def test_wrong_numbers_are_refused(pairs, arguments, text):
    with pytest.raises(ValueError) as caught:
        batches(pairs, **arguments)
    assert text in str(caught.value)


def test_far_into_a_run(pairs):
    far = 10**12
    assert_same(batches(pairs, 2, start=far), batches(pairs, 3, start=far - 2)[1:])


def test_a_distributed_stream_is_the_same_stream(pairs):
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    dataset = training_batches(pairs, augment=AUGMENT, batch=2, seed=5, stop=8)
    policy = dataset.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.DATA
    spread = strategy.experimental_distribute_dataset(dataset)
    assert_same([tuple(x.numpy() for x in b) for b in spread], batches(pairs, stop=8))


def test_evaluation_images(tmp_path):
    sizes = {"a": (5, 7), "b": (6, 4), "c": (1, 1)}
    pixels = {}
    for name, size in sizes.items():
        pixels |= write_pairs(tmp_path, [name], *size)
    pairs = FolderSource(find_pairs(tmp_path))
    dataset = evaluation_images(pairs)
    assert dataset.element_spec == (tf.TensorSpec((1, None, None, 3), tf.float32),) * 2
    assert dataset.cardinality() == 3
    for _ in range(2):
        for (blurred, sharp), expected in zip(dataset, pixels.values(), strict=True):
            np.testing.assert_array_equal(blurred[0], expected[0] / np.float32(255))
            np.testing.assert_array_equal(sharp[0], expected[1] / np.float32(255))
    assert len(list(evaluation_images(pairs, limit=2))) == 2
    assert len(list(evaluation_images(pairs, limit=9))) == 3
    with pytest.raises(ValueError, match=r"`limit` must be at least 1.*limit=0"):
        evaluation_images(pairs, limit=0)


def test_panel(tmp_path):
    pixels = list(write_pairs(tmp_path, [f"p{i}" for i in range(6)], 9, 12).values())
    pairs = FolderSource(find_pairs(tmp_path))
    blurred, sharp = panel_pairs(pairs, count=3, size=4)
    assert blurred.dtype == sharp.dtype == np.float32 and blurred.shape == (3, 4, 4, 3)
    for place, index in enumerate((0, 2, 4)):
        for got, image in zip((blurred, sharp), pixels[index], strict=True):
            np.testing.assert_array_equal(got[place], image[2:6, 4:8] / np.float32(255))
    assert panel_pairs(pairs, count=99, size=99)[0].shape == (6, 9, 9, 3)
    with pytest.raises(ValueError, match=r"`size` must be at least 1\. Received: size=0"):
        panel_pairs(pairs, 1, 0)
