"""Padding to a multiple, for any size."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import noise
from tfdeblur.image.padding import crop_back, pad_to_multiple

sizes = st.integers(1, 40)


@settings(deadline=None, max_examples=60)
@given(height=sizes, width=sizes, multiple=st.sampled_from([1, 2, 16, 32]))
def test_pads_as_numpy_reflects_and_crops_back(height, width, multiple):
    image = noise(2, height, width, 3)
    padded, size = pad_to_multiple(image, multiple)
    below, right = -height % multiple, -width % multiple
    # NumPy repeats the reflection too, and repeats a single row: the oracle for small images.
    expected = np.pad(image, [(0, 0), (0, below), (0, right), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(padded, expected)
    np.testing.assert_array_equal(crop_back(padded, size), image)


def test_works_in_a_graph_with_unknown_sizes_and_integers():
    @tf.function(input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
    def there_and_back(image):
        padded, size = pad_to_multiple(image, 16)
        return tf.shape(padded), crop_back(padded, size)

    image = np.arange(3 * 5 * 3, dtype="uint8").reshape(3, 5, 3)
    shape, back = there_and_back(image)
    np.testing.assert_array_equal(shape, [16, 16, 3])
    np.testing.assert_array_equal(back, image)


def test_mirrors_without_repeating_the_edge():
    row = np.array([1.0, 2, 3]).reshape(1, 3, 1)
    padded, _ = pad_to_multiple(row, 8)
    np.testing.assert_array_equal(padded[0, :, 0], [1, 2, 3, 2, 1, 2, 3, 2])
    assert padded.shape == (8, 8, 1)


def test_multiple_must_be_positive():
    with pytest.raises(ValueError, match="`multiple` must be at least 1. Received: multiple=0"):
        pad_to_multiple(noise(1, 2, 2, 3), 0)
