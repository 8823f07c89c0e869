"""K and K^T: the described semantics, the pair as an adjoint, and how the operator behaves."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import noise
from tests.operators.makers import (
    every_integer_flow,
    normalised_gap,
    reference_adjoint,
    reference_blur,
)
from tfdeblur.errors import InvalidInput
from tfdeblur.operators import LinearOperator, MotionBlur, blur_image
from tfdeblur.operators.kernels import RASTERIZERS

METHODS = ("matrix", "taps")
SIZES = st.integers(1, 24)


@pytest.fixture(scope="module", params=RASTERIZERS)
def described(request):
    """Every integer flow up to 46, an image, and what float64 loops make of it."""
    flow = every_integer_flow(46)
    image = noise(*flow.shape[:2], 2)
    return (
        request.param,
        flow,
        image,
        reference_blur(image, flow, request.param),
        reference_adjoint(image, flow, request.param),
    )


@pytest.mark.parametrize("method", METHODS)
def test_described_semantics(described, method):
    rasterizer, flow, image, blurred, spread = described
    K = MotionBlur(flow, rasterizer, method)
    assert np.abs(K.apply(image[None])[0] - blurred).max() <= 2e-6
    assert np.abs(K.adjoint(image[None])[0] - spread).max() <= 5e-5 * np.abs(spread).max()


def test_described_semantics_of_one_image(described):
    rasterizer, flow, image, blurred, _ = described
    assert np.abs(blur_image(image, flow, rasterizer) - blurred).max() <= 2e-6


@settings(deadline=None, max_examples=100)
@given(
    batch=st.integers(1, 3),
    height=SIZES,
    width=SIZES,
    extent=st.sampled_from([0.5, 3.0, 12.0, 46.0]),
    whole=st.booleans(),
    rasterizer=st.sampled_from(RASTERIZERS),
    method=st.sampled_from(METHODS),
    seed=st.integers(0, 2**31 - 1),
)
def test_adjoint(batch, height, width, extent, whole, rasterizer, method, seed):
    rng = np.random.default_rng(seed)
    flow = rng.uniform(-extent, extent, (batch, height, width, 2)).astype(np.float32)
    K = MotionBlur(np.round(flow) if whole else flow, rasterizer, method)
    x, y = noise(2, batch, height, width, 3, seed=seed)
    assert normalised_gap(K.apply, K.adjoint, x, y) <= 1e-6


def test_k_is_not_its_own_adjoint():
    rng = np.random.default_rng(0)
    K = MotionBlur(rng.uniform(-12, 12, (1, 24, 24, 2)))
    x, y = noise(2, 1, 24, 24, 3)
    assert normalised_gap(K.apply, K.apply, x, y) > 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_rows_sum_to_one(method):
    K = MotionBlur(every_integer_flow(20), method=method)
    constant = np.full((1, 21, 41, 1), 0.7, np.float32)
    np.testing.assert_allclose(K.apply(constant), constant, rtol=2e-6)
    # And so K^T keeps the sum of an image.
    y = noise(1, 21, 41, 1)
    assert float(tf.reduce_sum(K.adjoint(y))) == pytest.approx(float(y.sum()), abs=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_opposite_motions_are_the_same(method):
    flow, image = noise(1, 19, 23, 2) * 9, noise(1, 19, 23, 3)
    np.testing.assert_allclose(
        MotionBlur(flow, method=method).apply(image),
        MotionBlur(-flow, method=method).apply(image),
        atol=2e-7,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [0.0, 0.99])
def test_without_motion_nothing_happens(method, length):
    image = noise(2, 9, 7, 3)
    flow = np.zeros((2, 9, 7, 2), np.float32)
    flow[..., 0] = length
    K = MotionBlur(flow, method=method)
    np.testing.assert_allclose(K.apply(image), image, rtol=2e-7)
    np.testing.assert_allclose(K.adjoint(image), image, rtol=2e-7)


def test_a_line_of_pixels_by_hand():
    # Motion by (2, 0): a quarter, a half, a quarter; the first pixel is its own left neighbour.
    image = np.array([4.0, 0, 0, 8], np.float32).reshape(1, 1, 4, 1)
    K = MotionBlur(np.broadcast_to([2.0, 0.0], (1, 1, 4, 2)))
    np.testing.assert_allclose(np.ravel(K.apply(image)), [3, 1, 2, 6])
    np.testing.assert_allclose(np.ravel(K.adjoint(image)), [3, 1, 2, 6])


def test_images_of_a_batch_do_not_touch_each_other():
    flow, image = noise(2, 11, 13, 2) * 8, noise(2, 11, 13, 3)
    both = MotionBlur(flow)
    for i in range(2):
        alone = MotionBlur(flow[i])
        own = image[i : i + 1]
        np.testing.assert_allclose(both.apply(image)[i], alone.apply(own)[0], atol=1e-6)
        np.testing.assert_allclose(both.adjoint(image)[i], alone.adjoint(own)[0], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_is_the_adjoint_and_back(method):
    K = MotionBlur(noise(1, 9, 8, 2) * 6, method=method)
    x, y = tf.constant(noise(2, 1, 9, 8, 3))[:, tf.newaxis][:, 0]
    with tf.GradientTape() as outer:
        outer.watch(y)
        with tf.GradientTape() as tape:
            tape.watch(x)
            product = tf.reduce_sum(K.apply(x) * y)
        gradient = tape.gradient(product, x)
    np.testing.assert_array_equal(gradient, K.adjoint(y))
    np.testing.assert_array_equal(outer.gradient(gradient, y, output_gradients=x), K.apply(x))


def test_both_ways_are_in_one_graph_and_the_budget_decides():
    def blur(flow, image, budget):
        K = MotionBlur(flow, memory_budget_bytes=budget)
        return K.apply(image), K.adjoint(image)

    signature = [tf.TensorSpec([None, None, None, channels]) for channels in (2, None)]
    for budget in (1, 1 << 30):
        graph = tf.function(
            lambda flow, image, budget=budget: blur(flow, image, budget),
            input_signature=signature,
        )
        for shape in ((1, 5, 9), (2, 12, 4)):
            flow, image = noise(*shape, 2) * 7, noise(*shape, 3)
            expected = MotionBlur(flow, method="taps" if budget == 1 else "matrix")
            result, spread = graph(flow, image)
            np.testing.assert_allclose(result, expected.apply(image), atol=1e-6)
            np.testing.assert_allclose(spread, expected.adjoint(image), atol=1e-5)
        names = {node.op for node in graph.get_concrete_function().graph.as_graph_def().node}
        assert not {name for name in names if "PyFunc" in name}


def test_auto_takes_the_matrix_only_within_the_budget():
    flow = noise(1, 16, 16, 2) * 9
    assert bool(MotionBlur(flow)._has_matrix)
    small = MotionBlur(flow, memory_budget_bytes=1000)
    assert not bool(small._has_matrix)
    assert small._bands[0].weights.shape == (0,)


@pytest.mark.parametrize(("batch", "height"), [(1, 3), (3, 5), (2, 40)])
def test_bands_hold_every_row_once_and_reach_no_other_image(batch, height):
    from tfdeblur.operators.matrix import BANDS

    width = 7
    K = MotionBlur(noise(batch, height, width, 2) * 9, method="matrix")
    assert len(K._bands) == BANDS > 2
    begins = 0
    for band in K._bands:
        first, last = band.lines.numpy()
        assert first == begins
        begins = last
        rows, columns = band.indices.numpy().T
        assert sorted(set(rows)) == list(range((last - first) * width))
        from_line, to_line = band.reached.numpy()
        if last > first:
            assert from_line // height >= first // height
            assert (to_line - 1) // height <= (last - 1) // height
            assert from_line <= first < last <= to_line
            assert 0 <= columns.min() <= columns.max() < (to_line - from_line) * width
    assert begins == batch * height


def test_the_estimate_of_the_matrix_is_from_above_and_near():
    from tfdeblur.operators.lines import lines_of
    from tfdeblur.operators.matrix import BYTES_PER_ENTRY, build, estimated_bytes

    lines = lines_of(tf.constant(every_integer_flow(30)[None]), "gong2018")
    entries = sum(int(tf.size(band.weights)) for band in build(lines))
    estimated = float(tf.reduce_sum(estimated_bytes(lines))) / BYTES_PER_ENTRY
    assert entries <= estimated <= 2 * entries


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_keeps_the_dtype(dtype):
    image = tf.cast(noise(1, 6, 5, 3), dtype)
    assert MotionBlur(noise(6, 5, 2)).apply(image).dtype == dtype


def test_is_what_solvers_ask_for():
    assert isinstance(MotionBlur(noise(1, 4, 4, 2)), LinearOperator)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MotionBlur(noise(4, 4)), r"`flow` must be float.*Received: shape=\(4, 4\)"),
        (lambda: MotionBlur(noise(1, 4, 4, 3)), r"Received: shape=\(1, 4, 4, 3\)"),
        (lambda: MotionBlur(noise(4, 4, 2) * np.nan), "finite. Received: 32 NaN or infinite"),
        (lambda: MotionBlur(noise(4, 4, 2), "line"), "`rasterizer` must be one of.*'line'"),
        (lambda: MotionBlur(noise(4, 4, 2), method="fft"), "`method` must be one of.*'fft'"),
        (lambda: MotionBlur(noise(4, 4, 2), memory_budget_bytes=0), "memory_budget_bytes=0"),
        (lambda: MotionBlur(noise(4, 4, 2)).apply(noise(4, 4, 3)), r"shape=\(4, 4, 3\)"),
        (lambda: MotionBlur(noise(4, 4, 2)).apply(noise(1, 4, 5, 3)), r"shape=\(1, 4, 5, 3\)"),
        (lambda: MotionBlur(noise(4, 4, 2)).adjoint(noise(2, 4, 4, 3)), r"shape=\(2, 4, 4, 3\)"),
        (lambda: MotionBlur(noise(4, 4, 2)).apply(np.ones((1, 4, 4, 3), np.uint8)), "uint8"),
        (lambda: blur_image(noise(4, 4), noise(4, 4, 2)), r"`image` must have.*shape=\(4, 4\)"),
        (lambda: blur_image(noise(4, 4, 3), noise(4, 5, 2)), r"`flow` must.*shape=\(4, 5, 2\)"),
        (lambda: blur_image(noise(4, 4, 3), noise(4, 4, 2) / 0.0), "`flow` must be finite"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with np.errstate(all="ignore"), pytest.raises(InvalidInput, match=message):
        make()
