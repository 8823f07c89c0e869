import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import noise, picture
from tfdeblur.data.camera_shake import random_shake
from tfdeblur.errors import InvalidInput
from tfdeblur.operators import LinearOperator, MotionBlur, PathBlur

sizes = st.integers(1, 12)


def paths(batch, samples, height, width, seed=0, extent=4):
    return extent * noise(batch, samples, height, width, 2, seed=seed)


def gap(operator, x, y):
    """Normalised |<K x, y> - <x, K^T y>|, with the dots in float64."""
    kx, kty = (np.asarray(a, np.float64) for a in (operator.apply(x), operator.adjoint(y)))
    return abs(np.vdot(kx, y) - np.vdot(x, kty)) / (np.linalg.norm(kx) * np.linalg.norm(y))


def reference(image, displacements):
    """Float64 loops, from the sentence in the docstring: (K x)(p) = mean of x at p + d."""
    height, width, _ = image.shape
    result = np.zeros(image.shape)
    for displacement in displacements.astype(np.float64):
        for row, column in np.ndindex(height, width):
            u, v = displacement[row, column]
            x, y = np.clip(column + u, 0, width - 1), np.clip(row + v, 0, height - 1)
            left, top = int(x), int(y)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            above = image[top, left] * (left + 1 - x) + image[top, right] * (x - left)
            below = image[bottom, left] * (left + 1 - x) + image[bottom, right] * (x - left)
            result[row, column] += above * (top + 1 - y) + below * (y - top)
    return result / len(displacements)


@settings(deadline=None, max_examples=40)
@given(sizes, sizes, st.integers(1, 3), st.integers(1, 5), st.integers(0, 2**31 - 1))
def test_adjoint(height, width, batch, samples, seed):
    operator = PathBlur(paths(batch, samples, height, width, seed))
    x, y = noise(2, batch, height, width, 3, seed=seed + 1).astype(np.float64)
    assert gap(operator, x.astype(np.float32), y.astype(np.float32)) <= 1e-6


def test_adjoint_test_can_fail():
    operator = PathBlur(paths(1, 5, 12, 12))
    operator._adjoint = operator._apply
    assert gap(operator, *noise(2, 1, 12, 12, 3)) > 1e-4


def test_against_float64_loops():
    displacements = paths(2, 4, 7, 9)
    image = noise(2, 7, 9, 3)
    expected = np.stack([reference(*both) for both in zip(image, displacements, strict=True)])
    np.testing.assert_allclose(PathBlur(displacements).apply(image), expected, atol=2e-6)


def test_weights_are_as_good_far_from_the_origin():
    image, displacements = noise(1, 1, 5000, 1), paths(1, 2, 1, 5000)
    expected = reference(image[0], displacements[0])[None]
    np.testing.assert_allclose(PathBlur(displacements).apply(image), expected, atol=2e-6)


def test_by_hand():
    image = np.array([1.0, 2, 4, 8], np.float32).reshape(1, 1, 4, 1)
    displacements = np.zeros((1, 2, 1, 4, 2), np.float32)
    displacements[0, 1, ..., 0] = 1.5  # of two poses one is 1.5 pixels to the right
    operator = PathBlur(displacements)
    blurred = operator.apply(image).numpy().ravel()
    np.testing.assert_array_equal(blurred, [(1 + 3) / 2, (2 + 6) / 2, (4 + 8) / 2, 8])
    spread = operator.adjoint(np.eye(4, dtype=np.float32)[0].reshape(1, 1, 4, 1)).numpy().ravel()
    np.testing.assert_array_equal(spread, [0.5, 0.25, 0.25, 0])


def test_whole_pixels_are_copies():
    image = noise(1, 6, 8, 2)
    displacements = np.zeros((3, 6, 8, 2), np.float32) + [[[[0, 0]]], [[[2, 0]]], [[[0, -1]]]]
    up, left = np.pad(image, ((0, 0), (1, 0), (0, 2), (0, 0)), "edge"), 0
    expected = (image + up[:, 1:, 2:] + up[:, :-1, left:8]) / 3
    np.testing.assert_allclose(PathBlur(displacements).apply(image), expected, atol=1e-6)


def test_rows_sum_to_one():
    operator = PathBlur(random_shake(0, 30, 40, 15, samples=20))
    ones = np.ones((1, 30, 40, 1), np.float32)
    np.testing.assert_allclose(operator.apply(ones), ones, atol=1e-6)
    assert np.abs(operator.adjoint(ones).numpy() - 1).max() > 0.1  # columns do not


def test_a_straight_path_across_is_a_line_of_motion():
    """Along rows and columns the line integral of the interpolated image is the same kernel."""
    times = (np.arange(40) + 0.5) / 40 - 0.5
    image = picture(12, 15)[None]
    for flow in ([10, 0], [0, 10]):
        displacements = times[:, None, None, None] * np.broadcast_to(flow, (12, 15, 2))
        line = MotionBlur(np.broadcast_to(flow, (12, 15, 2)).astype(np.float32)).apply(image)
        np.testing.assert_allclose(PathBlur(displacements).apply(image), line, atol=1e-5)


def test_an_oblique_straight_path_is_nearly_a_line_of_motion():
    image, flow = picture(60, 80)[None], np.broadcast_to([8.0, 5.0], (60, 80, 2))
    times = (np.arange(40) + 0.5) / 40 - 0.5
    path = PathBlur(times[:, None, None, None] * flow).apply(image)
    line = MotionBlur(flow.astype(np.float32), "fspecial").apply(image)
    error, blur = (np.mean((np.asarray(a) - line) ** 2) for a in (path, image))
    assert error < 1e-4  # above 40 dB
    assert error < blur / 100


def test_the_gradient_is_the_adjoint_and_the_other_way_round():
    operator = PathBlur(paths(1, 3, 5, 6))
    x, y = (tf.constant(a) for a in noise(2, 1, 5, 6, 2))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        forth, back = operator.apply(x), operator.adjoint(x)
    gradient = tape.gradient(forth, x, output_gradients=y)
    np.testing.assert_array_equal(gradient, operator.adjoint(y))
    gradient = tape.gradient(back, x, output_gradients=y)
    np.testing.assert_array_equal(gradient, operator.apply(y))


def test_graphs_with_unknown_sizes():
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, None, 2)),
            tf.TensorSpec((None, None, None, None)),
        ]
    )
    def both(displacements, image):
        operator = PathBlur(displacements)
        return operator.apply(image), operator.adjoint(image)

    displacements, image = paths(2, 3, 5, 4), noise(2, 5, 4, 3)
    operator = PathBlur(displacements)
    blurred, spread = both(displacements, image)
    np.testing.assert_allclose(blurred, operator.apply(image), atol=1e-6)
    np.testing.assert_allclose(spread, operator.adjoint(image), atol=1e-6)


def test_compiled():
    displacements, image = paths(1, 3, 5, 4), noise(1, 5, 4, 3)
    compiled = tf.function(lambda d, x: PathBlur(d).apply(x), jit_compile=True)
    expected = PathBlur(displacements).apply(image)
    got = compiled(tf.constant(displacements), tf.constant(image))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_keeps_the_dtype_and_is_a_linear_operator():
    operator = PathBlur(paths(1, 2, 4, 5).astype(np.float64))
    assert isinstance(operator, LinearOperator)
    assert operator.apply(noise(1, 4, 5, 1, dtype="float64")).dtype == tf.float64
    assert operator.apply(noise(1, 4, 5, 1)).dtype == tf.float32


@pytest.mark.parametrize(
    "displacements",
    [
        np.zeros((3, 4, 2)),
        np.zeros((1, 2, 3, 4, 3)),
        np.zeros((1, 0, 3, 4, 2)),
        np.zeros((1, 2, 3, 4, 2), int),
        np.full((1, 2, 3, 4, 2), np.inf),
    ],
)
def test_bad_displacements(displacements):
    with pytest.raises(InvalidInput, match="`displacements` must be"):
        PathBlur(displacements)


@pytest.mark.parametrize(
    "image", [np.zeros((1, 3, 5, 3)), np.zeros((3, 4, 3)), np.zeros((1, 3, 4, 3), np.uint8)]
)
def test_bad_image(image):
    with pytest.raises(InvalidInput, match="`image` must"):
        PathBlur(np.zeros((2, 3, 4, 2), np.float32)).apply(image)
