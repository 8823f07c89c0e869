"""Deconvolution: Eqn 4 against SciPy on the explicit matrix, its reports and its gradients."""

import numpy as np
import pytest
import scipy.sparse.linalg
import tensorflow as tf

from tests.helpers import noise, picture
from tests.solvers.makers import Dense, blur_matrix, matrix_of, residual
from tfdeblur.errors import InvalidInput
from tfdeblur.operators import MotionBlur
from tfdeblur.solvers import deconvolve

HEIGHT, WIDTH = 5, 6
BETA = 0.05


def images(batch=2, height=HEIGHT, width=WIDTH, dtype="float64"):
    """Observed image and anchor."""
    return tuple(noise(batch, height, width, 3, seed=seed, dtype=dtype) for seed in (1, 2))


def by_scipy(matrix, observed, anchor, beta):
    """The solution of Eqn 4 for one image, all channels as one system, in float64."""
    matrix = matrix.astype("float64")
    pixels = len(matrix)
    system = matrix.T @ matrix + beta * np.eye(pixels)
    rhs = matrix.T @ observed.reshape(pixels, -1) + beta * anchor.reshape(pixels, -1)
    solve = scipy.sparse.linalg.LinearOperator(
        (rhs.size, rhs.size), matvec=lambda x: (system @ x.reshape(pixels, -1)).ravel()
    )
    found, code = scipy.sparse.linalg.cg(solve, rhs.ravel().astype("float64"), rtol=1e-13)
    assert code == 0
    return found.reshape(observed.shape)


def motion(height, width, batch=1):
    """Flows of up to 7 pixels in all directions, different for each image."""
    turn = np.random.default_rng(5).uniform(-7, 7, (batch, height, width, 2))
    return np.round(turn).astype("float32")


def test_solution_is_scipys():
    matrix = blur_matrix(HEIGHT, WIDTH)
    observed, anchor = images()
    found = deconvolve(Dense(matrix), observed, anchor, BETA, tolerance=1e-12, max_steps=300)
    assert np.all(found.converged)
    for index in range(2):
        wanted = by_scipy(matrix, observed[index], anchor[index], BETA)
        np.testing.assert_allclose(found.value[index], wanted, atol=1e-9)


@pytest.mark.parametrize("beta", [0.02, 0.3])
def test_solution_for_motion_blur_is_scipys(beta):
    height, width = 8, 11
    flow = motion(height, width)
    units = MotionBlur(np.repeat(flow, height * width, axis=0))
    matrix = matrix_of(units.apply, height, width)
    observed, anchor = images(1, height, width, "float32")
    # Finer than float32 gets: iterated until rounding alone is left, and reported as such.
    found = deconvolve(MotionBlur(flow), observed, anchor, beta, tolerance=1e-7, max_steps=100)
    assert found.residual[0] <= 1e-6
    wanted = by_scipy(matrix, observed[0], anchor[0], beta)
    assert np.linalg.norm(found.value[0] - wanted) <= 1e-6 * np.linalg.norm(wanted)


def test_reported_residual_is_that_of_eqn_4():
    K = MotionBlur(motion(20, 30, batch=2))
    observed, anchor = images(2, 20, 30, "float32")
    found = deconvolve(K, observed, anchor, 0.1, tolerance=1e-3)
    rhs = K.adjoint(observed) + 0.1 * anchor
    true = residual(lambda x: K.adjoint(K.apply(x)) + 0.1 * x, found.value, rhs)
    np.testing.assert_allclose(found.residual, true, rtol=1e-3)
    assert np.all(found.converged) and np.all(found.residual <= 1e-3)


def test_a_batch_is_its_images():
    # Also with another beta for each: an image must not feel its neighbours.
    flow, betas = motion(12, 16, batch=3), np.array([0.02, 0.1, 0.5], "float32")
    observed = np.stack([picture(12, 16), np.zeros((12, 16, 3)), picture(12, 16, seed=1)])
    observed = observed.astype("float32")
    found = deconvolve(MotionBlur(flow), observed, observed, betas, tolerance=1e-6)
    assert np.all(found.converged) and np.all(np.isfinite(found.value))
    assert np.all(found.value[1] == 0) and found.steps[1] == 0
    for i in range(3):
        one = slice(i, i + 1)
        alone = deconvolve(
            MotionBlur(flow[one]), observed[one], observed[one], float(betas[i]), tolerance=1e-6
        )
        np.testing.assert_allclose(found.value[i], alone.value[0], atol=2e-4)
        assert abs(int(found.steps[i]) - int(alone.steps[0])) <= 1


def test_starts_at_the_anchor_unless_told_otherwise():
    K, (observed, anchor) = Dense(blur_matrix(HEIGHT, WIDTH)), images()
    default = deconvolve(K, observed, anchor, BETA)
    at_anchor = deconvolve(K, observed, anchor, BETA, start=anchor)
    np.testing.assert_array_equal(default.value, at_anchor.value)
    tight = deconvolve(K, observed, anchor, BETA, tolerance=1e-9, max_steps=200)
    again = deconvolve(K, observed, anchor, BETA, start=tight.value)
    np.testing.assert_array_equal(again.value, tight.value)
    assert list(again.steps) == [0, 0] and np.all(default.steps > 0)


def test_too_few_steps_are_reported():
    K, (observed, anchor) = Dense(blur_matrix(HEIGHT, WIDTH)), images()
    found = deconvolve(K, observed, anchor, 1e-3, tolerance=1e-9, max_steps=2)
    assert not np.any(found.converged) and np.all(found.residual > 1e-9)
    assert list(found.steps) == [2, 2]


def test_sizes_may_be_unknown_in_a_graph():
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3)),
            tf.TensorSpec((None, None, None, 2)),
            tf.TensorSpec((None,)),
        ]
    )
    def restore(image, flow, beta):
        return deconvolve(MotionBlur(flow), image, image, beta, tolerance=1e-6)

    for batch, height, width in [(1, 9, 13), (2, 16, 5)]:
        flow = motion(height, width, batch)
        image, _ = images(batch, height, width, "float32")
        found = restore(image, flow, tf.fill([batch], 0.1))
        eager = deconvolve(MotionBlur(flow), image, image, 0.1, tolerance=1e-6)
        np.testing.assert_allclose(found.value, eager.value, atol=1e-4)
        assert np.all(found.converged) and found.steps.shape == (batch,)
    assert restore.experimental_get_tracing_count() == 1


def test_gradients_are_those_of_the_dense_solve():
    matrix = tf.constant(blur_matrix(HEIGHT, WIDTH))
    observed, anchor = (tf.constant(image) for image in images())
    betas = tf.constant([0.05, 0.4], tf.float64)
    weight = noise(2, HEIGHT, WIDTH, 3, seed=3, dtype="float64")

    def direct():
        flat = tf.reshape(observed, [2, -1, 3]), tf.reshape(anchor, [2, -1, 3])
        shift = betas[:, None, None]
        system = tf.transpose(matrix) @ matrix + shift * tf.eye(HEIGHT * WIDTH, dtype=tf.float64)
        rhs = tf.einsum("ji,bjc->bic", matrix, flat[0]) + shift * flat[1]
        return tf.reshape(tf.linalg.solve(system, rhs), observed.shape)

    def iterative():
        K = Dense(matrix)
        return deconvolve(K, observed, anchor, betas, tolerance=1e-13, max_steps=500).value

    def gradients(solve):
        with tf.GradientTape() as tape:
            tape.watch([observed, anchor, betas, matrix])
            loss = tf.reduce_sum(weight * solve() ** 2)
        return tape.gradient(loss, [observed, anchor, betas, matrix])

    for found, wanted in zip(gradients(iterative), gradients(direct), strict=True):
        size = np.linalg.norm(wanted)
        assert size > 0 and np.linalg.norm(found - wanted) <= 1e-9 * size


def test_gradient_by_beta_is_the_formula_and_the_finite_difference():
    K, (observed, anchor) = Dense(blur_matrix(HEIGHT, WIDTH)), images(1)
    weight = noise(1, HEIGHT, WIDTH, 3, seed=3, dtype="float64")

    def solve(beta):
        return deconvolve(K, observed, anchor, beta, tolerance=1e-13, max_steps=500).value

    beta = tf.constant(0.1, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(beta)
        value = solve(beta)
        loss = tf.reduce_sum(weight * value)
    slope = float(tape.gradient(loss, beta))
    # <lambda, z - x>, where lambda solves the same system with the incoming gradient.
    adjoint = deconvolve(K, np.zeros_like(observed), weight / 0.1, 0.1, tolerance=1e-13)
    np.testing.assert_allclose(slope, np.sum(adjoint.value * (anchor - value)), rtol=1e-9)
    around = [np.sum(weight * solve(0.1 + step)) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(slope, (around[0] - around[1]) / 2e-5, rtol=1e-6)


def test_gradient_through_motion_blur():
    # d<w, x>/dO = K A^-1 w: K stands where its transpose stands in the solution.
    K = MotionBlur(motion(12, 16))
    observed, anchor = (tf.constant(image) for image in images(1, 12, 16, "float32"))
    weight = noise(1, 12, 16, 3, seed=3)

    @tf.function
    def gradient(observed):
        with tf.GradientTape() as tape:
            tape.watch(observed)
            value = deconvolve(K, observed, anchor, 0.1, tolerance=1e-6).value
            loss = tf.reduce_sum(weight * value)
        return tape.gradient(loss, observed)

    solved = deconvolve(K, tf.zeros_like(observed), weight / 0.1, 0.1, tolerance=1e-6).value
    wanted = K.apply(solved).numpy()
    difference = np.linalg.norm(gradient(observed) - wanted)
    assert difference <= 1e-4 * np.linalg.norm(wanted)


IMAGE = np.zeros((2, 4, 5, 3), "float32")
ROWS = {
    "beta zero": ({"beta": 0.0}, "`beta` must be > 0 and finite", "beta=0.0"),
    "beta negative": ({"beta": -0.1}, "`beta` must be > 0", "beta=-0.1"),
    "beta nan": ({"beta": float("nan")}, "`beta` must be > 0", "beta=nan"),
    "beta infinite": ({"beta": float("inf")}, "`beta` must be > 0", "beta=inf"),
    "one beta bad": ({"beta": [0.1, -1.0]}, "`beta` must be > 0", "-1"),
    "three betas for two": ({"beta": [0.1] * 3}, "one per image, shape (2,)", "beta.shape=(3,)"),
    "beta an image": ({"beta": IMAGE + 1}, "one per image", "beta.shape=(2, 4, 5, 3)"),
    "beta a word": ({"beta": "much"}, "`beta` must be a number", "'much'"),
    "beta of another type": ({"beta": tf.constant(0.1, tf.float64)}, "`beta`", "float32"),
    "tolerance": ({"tolerance": 0}, "`tolerance` must be a number > 0", "tolerance=0"),
    "steps": ({"max_steps": 0}, "`max_steps` must be a whole number >= 1", "max_steps=0"),
    "single image": ({"observed": IMAGE[0]}, "`observed` must have shape", "(4, 5, 3)"),
    "integers": ({"observed": IMAGE.astype("uint8")}, "`observed` must be float32", "uint8"),
    "anchor's size": ({"anchor": IMAGE[:, 1:]}, "`anchor` must have the shape", "(2, 3, 5, 3)"),
    "anchor's type": ({"anchor": IMAGE.astype("float64")}, "`anchor`", "float64"),
    "start's size": ({"start": IMAGE[:1]}, "`start` must have the shape", "(1, 4, 5, 3)"),
    "start a word": ({"start": "here"}, "`start` must be float32 or float64", "string"),
}


@pytest.mark.parametrize("changed, said", [(c, s) for c, *s in ROWS.values()], ids=list(ROWS))
def test_bad_arguments_are_named(changed, said):
    arguments = {"observed": IMAGE, "anchor": IMAGE, "beta": 0.1, **changed}
    with pytest.raises(InvalidInput) as error:
        deconvolve(Dense(np.eye(20, dtype="float32")), **arguments)
    for part in said:
        assert part in str(error.value)
