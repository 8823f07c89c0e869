import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.networks.folding import Fold, Unfold


def by_hand(image, factor):
    """Pixel by pixel, straight from the docstring."""
    batch, height, width, channels = image.shape
    folded = np.empty((batch, height // factor, width // factor, factor**2 * channels), "float32")
    for y in range(height):
        for x in range(width):
            first = ((y % factor) * factor + x % factor) * channels
            folded[:, y // factor, x // factor, first : first + channels] = image[:, y, x]
    return folded


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_each_pixel_has_its_place(factor):
    image = noise(2, 12, 24, 3)
    folded = Fold(factor)(image)
    np.testing.assert_array_equal(folded, by_hand(image, factor))
    np.testing.assert_array_equal(Unfold(factor)(folded), image)


def test_graphs_that_do_not_know_the_size():
    both = keras.Sequential([keras.Input((None, None, 3)), Fold(4), Unfold(2)])
    assert both.output_shape == (None, None, None, 12)
    image = noise(1, 16, 32, 3)
    graph = tf.function(both, input_signature=[tf.TensorSpec((None, None, None, 3))])
    assert graph(image).shape == (1, 8, 16, 12)
    np.testing.assert_array_equal(graph(image), Unfold(2)(by_hand(image, 4)))


@pytest.mark.parametrize("layer", [Fold, Unfold])
@pytest.mark.parametrize("factor", [1, 2.5])
def test_wrong_factors_are_named(layer, factor):
    with pytest.raises(ValueError, match=f"`factor` must be a whole .* Received: factor={factor}"):
        layer(factor)
