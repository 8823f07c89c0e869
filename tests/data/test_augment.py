import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.makers import coordinates, image
from tfdeblur.data import Augment
from tfdeblur.data.augment import augment_pair, crop_position, turn_images

EVERYTHING = Augment(crop=5, flips=True, turns=True, permute_channels=True)


def run(blurred, sharp, augment, seeds):
    """Augments one pair once per seed, in one graph."""

    @tf.function
    def all_seeds(numbers):
        return tf.map_fn(
            lambda k: tf.stack(augment_pair(blurred, sharp, tf.stack([7, k]), augment)),
            numbers,
            fn_output_signature=blurred.dtype,
        )

    return all_seeds(tf.range(seeds)).numpy()


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(5, 12),
    width=st.integers(5, 12),
    seed=st.integers(0, 2**31 - 1),
    flips=st.booleans(),
    turns=st.booleans(),
    permute=st.booleans(),
)
def test_both_images_are_changed_alike(height, width, seed, flips, turns, permute):
    first = image(height, width, seed)
    # The second image is a function of the first, pixel by pixel and channel by channel:
    # it stays so only under one and the same rearrangement.
    blurred, sharp = augment_pair(first, 255 - first, [seed, 3], Augment(5, flips, turns, permute))
    np.testing.assert_array_equal(sharp, 255 - blurred.numpy())


def test_a_crop_is_a_part_of_the_image():
    augment = Augment(crop=4, flips=False)
    for crop, _ in run(coordinates(7, 9), coordinates(7, 9), augment, 50):
        top, left = crop[0, 0, :2]
        np.testing.assert_array_equal(crop, coordinates(7, 9)[top : top + 4, left : left + 4])


def test_all_crop_positions_are_equally_likely():
    crops = run(coordinates(6, 5), coordinates(6, 5), Augment(crop=4, flips=False), 3000)
    counts = np.zeros((3, 2))
    np.add.at(counts, tuple(crops[:, 0, 0, 0, :2].T.astype(int)), 1)
    # 6 positions of 500 expected each: 4.5 standard deviations are 92. The last row and
    # column (2, 1) are among them.
    assert np.abs(counts - 500).max() < 92, counts


def test_an_image_of_the_size_of_the_crop_is_taken_whole():
    assert [int(x) for x in crop_position(4, 4, 4, [1, 2])] == [0, 0]


@pytest.mark.parametrize(
    "flips, turns, expected",
    [(False, False, 1), (True, False, 4), (False, True, 4), (True, True, 8)],
)
def test_exactly_the_promised_transforms_are_reached_equally_often(flips, turns, expected):
    square = coordinates(3, 3)
    outputs = run(square, square, Augment(3, flips, turns), 1600)[:, 0]
    kinds, counts = np.unique(outputs.reshape(1600, -1), axis=0, return_counts=True)
    dihedral = [np.rot90(m, k) for m in (square, square[:, ::-1]) for k in range(4)]
    assert {k.tobytes() for k in kinds} <= {np.ascontiguousarray(d).tobytes() for d in dihedral}
    assert len(kinds) == expected
    share = 1600 / expected
    assert np.abs(counts - share).max() < 4.5 * np.sqrt(share) + 1e-9


def test_turns_alone_never_mirror():
    square = coordinates(3, 3)
    turned = {np.ascontiguousarray(np.rot90(square, k)).tobytes() for k in range(4)}
    outputs = run(square, square, Augment(3, flips=False, turns=True), 100)
    assert {o.tobytes() for o in outputs[:, 0]} == turned


@pytest.mark.parametrize("turns", range(4))
def test_a_turn_is_numpys(turns):
    pair = np.stack([image(5, 5, 0), image(5, 5, 1)])
    np.testing.assert_array_equal(
        turn_images(tf.constant(pair), tf.constant(turns)), np.rot90(pair, turns, axes=(1, 2))
    )


def test_all_six_channel_orders_are_reached():
    pixel = np.array([[[1, 2, 3]]], np.uint8)
    outputs = run(pixel, pixel, Augment(1, flips=False, permute_channels=True), 300)
    assert len({tuple(o.ravel()) for o in outputs[:, 0]}) == 6


def test_eagerly_in_a_graph_and_in_a_dataset_the_same():
    blurred, sharp = image(9, 11, 0), image(9, 11, 1)

    def augmented(k):
        return tf.stack(augment_pair(blurred, sharp, tf.stack([k, k + 1]), EVERYTHING))

    numbers = range(20)
    eager = [augmented(tf.constant(k, tf.int64)) for k in numbers]
    graph = tf.function(augmented)
    compiled = [graph(tf.constant(k, tf.int64)) for k in numbers]
    dataset = tf.data.Dataset.range(20).map(augmented, num_parallel_calls=4)
    np.testing.assert_array_equal(eager, compiled)
    np.testing.assert_array_equal(eager, list(dataset))
    assert len({e.numpy().tobytes() for e in eager}) > 15


def test_dtype_and_range_are_kept():
    picture = image(6, 6).astype(np.float32) / 255
    blurred, _ = augment_pair(picture, picture, [0, 1], EVERYTHING)
    assert blurred.dtype == tf.float32
    assert set(np.unique(blurred)) <= set(np.unique(picture))


def test_a_crop_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"`crop` must be at least 1 pixel\. Received: crop=0"):
        Augment(crop=0)
