"""SampledBlur: the blur, its adjoint, and its derivatives by image and by flow."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import noise, picture
from tests.operators.makers import normalised_gap
from tests.solvers.makers import matrix_of
from tfdeblur.errors import InvalidInput
from tfdeblur.operators import LinearOperator, MotionBlur, PathBlur, SampledBlur
from tfdeblur.operators import sampled_blur as module
from tfdeblur.solvers import deconvolve

sizes = st.integers(1, 12)


def motion(*shape, extent=4.0, seed=0, dtype="float32"):
    return extent * noise(*shape, 2, seed=seed, dtype=dtype)


def smooth_motion(height, width, longest=12.0, seed=0):
    """A motion that turns from pixel to pixel, float32 `(1, height, width, 2)`."""
    waves = picture(height, width, 2, seed) - 0.5
    return (waves * longest / np.linalg.norm(waves, axis=-1).max())[np.newaxis]


@settings(deadline=None, max_examples=25)
@given(sizes, sizes, st.integers(1, 3), st.integers(1, 6), st.integers(0, 2**31 - 1))
def test_adjoint(height, width, batch, samples, seed):
    operator = SampledBlur(motion(batch, height, width, seed=seed), samples)
    x, y = noise(2, batch, height, width, 3, seed=seed + 1)
    assert normalised_gap(operator.apply, operator.adjoint, x, y) <= 1e-6


def test_it_is_a_path_blur_along_straight_lines():
    flow, image = motion(2, 7, 9), noise(2, 7, 9, 3)
    times = (np.arange(5, dtype=np.float32) + 0.5) / 5 - 0.5
    path = PathBlur(times[:, None, None, None] * flow[:, None])
    operator = SampledBlur(flow, 5)
    np.testing.assert_allclose(operator.apply(image), path.apply(image), atol=1e-6)
    np.testing.assert_allclose(operator.adjoint(image), path.adjoint(image), atol=1e-6)


def test_by_hand():
    image = np.array([1.0, 2, 4, 8], np.float32).reshape(1, 1, 4, 1)
    flow = np.zeros((1, 1, 4, 2), np.float32) + [1, 0]
    # Two samples, a quarter of a pixel to either side.
    blurred = SampledBlur(flow, 2).apply(image).numpy().ravel()
    right, left = [1.25, 2.5, 5, 8], [1, 1.75, 3.5, 7]
    np.testing.assert_allclose(blurred, np.add(right, left) / 2, atol=1e-6)


def test_rows_sum_to_one_and_the_sign_does_not_matter():
    flow, ones = motion(1, 20, 30, extent=9), np.ones((1, 20, 30, 1), np.float32)
    np.testing.assert_allclose(SampledBlur(flow).apply(ones), ones, atol=1e-6)
    image = noise(1, 20, 30, 3)
    back = SampledBlur(-flow).apply(image)
    np.testing.assert_allclose(SampledBlur(flow).apply(image), back, atol=1e-5)


def test_parts_are_shorter_than_a_pixel():
    for flow, samples in (([0, 0], 2), ([0.3, 0], 2), ([3, 4], 6), ([0, -20.5], 22)):
        assert int(SampledBlur(np.zeros((60, 60, 2)) + flow).samples) == samples
    assert int(SampledBlur(np.full((1, 2, 2), 1e30)).samples) == 14


def test_still_pixels_stay():
    image = noise(1, 6, 7, 3)
    np.testing.assert_allclose(SampledBlur(np.zeros((6, 7, 2))).apply(image), image, atol=1e-7)


def test_near_motion_blur_on_smooth_images():
    image = picture(60, 80)[np.newaxis]
    for flow in (smooth_motion(60, 80), np.zeros((1, 60, 80, 2), np.float32) + [8, 5]):
        line = MotionBlur(flow, "fspecial").apply(image)
        gap, blur = (np.linalg.norm(x - line) for x in (SampledBlur(flow).apply(image), image))
        # Measured: 0.3% and 4%, 0.1% and 1%.
        assert gap <= 0.005 * np.linalg.norm(line) and gap <= 0.06 * blur


def by_finite_differences(function, flow, along, step):
    return (function(flow + step * along) - function(flow - step * along)) / (2 * step)


@pytest.mark.parametrize("method", ["apply", "adjoint"])
def test_gradients_are_those_of_finite_differences(method):
    # Whole motions do not put a sample on a pixel's middle with four parts: no kinks nearby.
    flow = np.round(motion(2, 6, 7, seed=3, dtype="float64")) + 0.1
    image, upstream = noise(2, 2, 6, 7, 3, dtype="float64")

    def value(flow, image):
        return tf.reduce_sum(upstream * getattr(SampledBlur(flow, 4), method)(image))

    with tf.GradientTape() as tape:
        given = tf.constant(flow), tf.constant(image)
        tape.watch(given)
        loss = value(*given)
    by_flow, by_image = tape.gradient(loss, given)
    other = {"apply": "adjoint", "adjoint": "apply"}[method]
    np.testing.assert_allclose(by_image, getattr(SampledBlur(flow, 4), other)(upstream), atol=1e-12)
    for seed in range(3):
        along = noise(*flow.shape, seed=seed, dtype="float64")
        slope = by_finite_differences(lambda f: value(f, image), flow, along, 1e-6)
        np.testing.assert_allclose(np.vdot(by_flow, along), slope, rtol=1e-6)


def test_no_gradient_at_no_motion():
    # (u, v) and (-u, -v) are the same, so that only a zero is right there.
    flow = tf.zeros((1, 5, 6, 2))
    with tf.GradientTape() as tape:
        tape.watch(flow)
        loss = tf.reduce_sum(noise(1, 5, 6, 3) * SampledBlur(flow).apply(noise(1, 5, 6, 3, seed=1)))
    np.testing.assert_allclose(tape.gradient(loss, flow), 0, atol=1e-6)


def test_graphs_with_unknown_sizes_give_the_same():
    def gradients(flow, image):
        with tf.GradientTape() as tape:
            tape.watch([flow, image])
            operator = SampledBlur(flow)
            loss = tf.reduce_sum(image * operator.apply(image) + operator.adjoint(image) ** 2)
        return tape.gradient(loss, [flow, image])

    unknown = (tf.TensorSpec((None, None, None, 2)), tf.TensorSpec((None, None, None, None)))
    graph = tf.function(gradients, input_signature=unknown)
    for size in ((2, 5, 4), (1, 6, 9)):
        flow, image = tf.constant(motion(*size)), tf.constant(noise(*size, 3))
        for ours, eager in zip(graph(flow, image), gradients(flow, image), strict=True):
            np.testing.assert_allclose(ours, eager, atol=1e-5)


SIZE, BETA = (8, 9), 0.3


def solved(flow, observed, **options):
    """A tightly converged deconvolution."""
    return deconvolve(
        SampledBlur(flow, 6), observed, observed, BETA, tolerance=1e-12, max_steps=300, **options
    )


def test_the_implicit_gradient_of_deconvolution_is_that_of_finite_differences():
    flow = np.round(motion(1, *SIZE, seed=5, dtype="float64")) + 0.1
    observed, weight = noise(2, 1, *SIZE, 3, dtype="float64")

    @tf.function
    def loss(flow):
        return tf.reduce_sum(weight * solved(flow, observed).value ** 2)

    @tf.function
    def gradient(flow):
        with tf.GradientTape() as tape:
            tape.watch(flow)
            value = loss(flow)
        return tape.gradient(value, flow)

    found = gradient(tf.constant(flow))
    for seed in range(3):
        along = noise(*flow.shape, seed=seed, dtype="float64")
        slope = by_finite_differences(loss, flow, along, 1e-5)
        np.testing.assert_allclose(np.vdot(found, along), slope, rtol=1e-5)


def test_the_implicit_gradient_is_that_of_the_dense_solve():
    flow = tf.constant(motion(1, 5, 6, seed=2, dtype="float64"))
    observed, weight = noise(2, 1, 5, 6, 1, dtype="float64")

    def direct(flow):
        K = tf.stack([tf.reshape(SampledBlur(flow, 6).apply(unit), [-1]) for unit in UNITS], 1)
        system = tf.transpose(K) @ K + BETA * tf.eye(30, dtype=tf.float64)
        right = tf.linalg.matvec(tf.transpose(K), observed.ravel()) + BETA * observed.ravel()
        return tf.reshape(tf.linalg.solve(system, right[:, None]), observed.shape)

    gradients = []
    for solve in (direct, lambda flow: solved(flow, observed).value):
        with tf.GradientTape() as tape:
            tape.watch(flow)
            loss = tf.reduce_sum(weight * solve(flow))
        gradients.append(tape.gradient(loss, flow))
    assert np.linalg.norm(gradients[0]) > 1
    np.testing.assert_allclose(gradients[1], gradients[0], atol=1e-9)


UNITS = np.eye(30).reshape(30, 1, 5, 6, 1)


def test_a_graph_keeps_no_sample_and_no_step():
    # A loop that is differentiated step by step has lists in its body, one entry a step.
    @tf.function
    def gradient(flow, image):
        with tf.GradientTape() as tape:
            tape.watch(flow)
            found = deconvolve(SampledBlur(flow), image, image, BETA)
        return tape.gradient(found.value, flow)

    specs = tf.TensorSpec((1, 8, 8, 2)), tf.TensorSpec((1, 8, 8, 3))
    library = gradient.get_concrete_function(*specs).graph.as_graph_def().library.function
    kinds = {node.op for inner in library for node in inner.node_def}
    assert "UnsortedSegmentSum" in kinds
    assert not any(kind.startswith("TensorList") for kind in kinds)


def test_a_tape_keeps_no_step(monkeypatch):
    # Whatever a tape has recorded holds on to the function that gives its gradient.
    made = []

    def watched(function):
        def call(flow, image):
            result, gradient = function(flow, image)
            made.append(weakref.ref(gradient))
            return result, gradient

        return custom_gradient(call)

    custom_gradient = tf.custom_gradient
    monkeypatch.setattr(module.tf, "custom_gradient", watched)
    flow, image = tf.Variable(motion(1, 8, 8)), noise(1, 8, 8, 3)
    alive = []
    for max_steps in (2, 20):
        made.clear()
        with tf.GradientTape() as tape:
            found = deconvolve(
                SampledBlur(flow, 6), image, image, BETA, tolerance=1e-12, max_steps=max_steps
            )
        gc.collect()
        assert found.steps[0] == max_steps and len(made) > 2 * max_steps
        alive.append(sum(function() is not None for function in made))
        assert np.linalg.norm(tape.gradient(found.value, flow)) > 0
    # K'O of the right-hand side, and K'K of the system that is looked at after the loop.
    assert alive[0] == alive[1] >= 3


def test_compiled():
    flow, image = tf.constant(motion(1, 5, 4)), tf.constant(noise(1, 5, 4, 3))

    @tf.function(jit_compile=True)
    def gradient(flow):
        with tf.GradientTape() as tape:
            tape.watch(flow)
            loss = tf.reduce_sum(image * SampledBlur(flow, 5).apply(image))
        return loss, tape.gradient(loss, flow)

    with tf.GradientTape() as tape:
        tape.watch(flow)
        loss = tf.reduce_sum(image * SampledBlur(flow, 5).apply(image))
    expected = loss, tape.gradient(loss, flow)
    for ours, eager in zip(gradient(flow), expected, strict=True):
        np.testing.assert_allclose(ours, eager, atol=1e-5)


def test_its_matrix_has_a_transpose():
    operator = SampledBlur(np.tile(motion(1, 4, 5), (20, 1, 1, 1)))
    forward, backward = (matrix_of(m, 4, 5) for m in (operator.apply, operator.adjoint))
    np.testing.assert_allclose(forward.T, backward, atol=1e-7)
    assert np.abs(forward - backward).max() > 0.1


def test_keeps_the_dtype_and_is_a_linear_operator():
    operator = SampledBlur(motion(1, 4, 5))
    assert isinstance(operator, LinearOperator)
    for dtype in ("float32", "float64"):
        assert operator.apply(noise(1, 4, 5, 1, dtype=dtype)).dtype == dtype
    precise = SampledBlur(motion(1, 4, 5, dtype="float64"))
    assert precise.adjoint(noise(1, 4, 5, 1)).dtype == tf.float32


@pytest.mark.parametrize(
    "flow", [np.zeros((4, 5, 3)), np.zeros((4, 2)), np.full((4, 5, 2), np.nan), [["a", "b"]]]
)
def test_bad_flow(flow):
    with pytest.raises(InvalidInput, match="`flow` must be"):
        SampledBlur(flow)


@pytest.mark.parametrize("samples", [0, -1, 2.5, "many"])
def test_bad_samples(samples):
    with pytest.raises(InvalidInput, match="`samples` must be a whole number >= 1"):
        SampledBlur(np.zeros((4, 5, 2)), samples)


def test_bad_image():
    with pytest.raises(InvalidInput, match="`image` must"):
        SampledBlur(np.zeros((4, 5, 2))).apply(np.zeros((1, 5, 4, 3)))
