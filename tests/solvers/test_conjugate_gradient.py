"""Conjugate gradients: solutions against SciPy and TensorFlow, stopping, reports, gradients.

Iterates at a fixed step are never compared: rounding differences grow about fivefold a step, so
two right implementations drift apart. Converged solutions and residuals do not.
"""

import gc
import weakref

import numpy as np
import pytest
import scipy.sparse.linalg
import tensorflow as tf

from tests.helpers import noise
from tests.solvers.makers import residual
from tfdeblur.errors import InvalidInput
from tfdeblur.solvers import conjugate_gradient

SIZE = 30


def spd(size=SIZE, condition=200.0, seed=0, dtype="float64"):
    """A symmetric matrix with eigenvalues from 1 / condition to 1."""
    turn = np.linalg.qr(noise(size, size, seed=seed, dtype="float64"))[0]
    return ((turn * np.geomspace(1 / condition, 1, size)) @ turn.T).astype(dtype)


def product(matrix):
    return lambda x: x @ tf.transpose(matrix)


@pytest.mark.parametrize(
    "dtype, tolerance, gap", [("float64", 1e-10, 1e-7), ("float32", 1e-5, 3e-3)]
)
def test_solution_is_scipys(dtype, tolerance, gap):
    matrix, rhs = spd(), noise(3, SIZE, dtype="float64")
    found = conjugate_gradient(
        product(matrix.astype(dtype)), rhs.astype(dtype), None, tolerance, max_steps=200
    )
    assert found.value.dtype == dtype and np.all(found.converged)
    for index in range(3):
        wanted, code = scipy.sparse.linalg.cg(matrix, rhs[index], rtol=1e-12)
        assert code == 0
        difference = np.linalg.norm(found.value[index] - wanted)
        assert difference <= gap * np.linalg.norm(wanted)


def test_solution_is_tensorflows():
    matrix, rhs = spd(condition=30.0), noise(2, SIZE, dtype="float64")
    found = conjugate_gradient(product(matrix), rhs, None, 1e-11, 200).value
    operator = tf.linalg.LinearOperatorFullMatrix(
        matrix, is_self_adjoint=True, is_positive_definite=True
    )
    for index in range(2):
        theirs = tf.linalg.experimental.conjugate_gradient(
            operator, tf.constant(rhs[index]), tol=1e-11, max_iter=200
        )
        np.testing.assert_allclose(found[index], theirs.x, atol=1e-8)


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 4), (2, 3, 4, 2)])
def test_any_rank_and_stopping_per_image(shape):
    # Eigenvalues differ by image, so images need different numbers of steps.
    rhs = noise(*shape)
    diagonal = tf.constant(np.random.default_rng(1).uniform(0.5, 3, shape).astype("float32"))
    diagonal = tf.concat([tf.ones_like(diagonal[:1]), diagonal[1:]], 0)
    found = conjugate_gradient(lambda x: diagonal * x, rhs, None, 1e-5)
    assert found.steps[0] == 1 < found.steps[1] and np.all(found.converged)
    assert found.steps.shape == found.residual.shape == found.converged.shape == (2,)
    assert (found.steps.dtype, found.residual.dtype) == (tf.int32, tf.float32)
    np.testing.assert_allclose(found.value, rhs / diagonal, atol=1e-4)


def test_zero_and_solved_images_stay_as_they_are_and_disturb_no_other():
    matrix = spd()
    wanted = noise(4, SIZE, dtype="float64")
    rhs = wanted @ matrix
    rhs[1] = 0
    start = noise(4, SIZE, seed=1, dtype="float64")
    start[2] = wanted[2]
    found = conjugate_gradient(product(matrix), rhs, start, 1e-9, 200)
    assert np.all(np.isfinite(found.value)) and np.all(found.converged)
    assert np.all(found.value[1] == 0) and found.residual[1] == 0
    np.testing.assert_array_equal(found.value[2], wanted[2])
    assert list(found.steps[1:3]) == [0, 0] and min(found.steps[0], found.steps[3]) > 10
    for index in range(4):
        one = slice(index, index + 1)
        alone = conjugate_gradient(product(matrix), rhs[one], start[one], 1e-9, 200)
        np.testing.assert_allclose(alone.value[0], found.value[index], atol=1e-6)


def test_nan_is_contained_and_reported():
    matrix, rhs = spd(), noise(2, SIZE, dtype="float64")
    rhs[0, 3] = np.nan
    found = conjugate_gradient(product(matrix), rhs, None, 1e-9, 200)
    assert list(found.converged) == [False, True] and found.steps[0] == 0
    np.testing.assert_allclose(found.value[1], np.linalg.solve(matrix, rhs[1]), atol=1e-5)


def test_too_few_steps_are_reported_with_the_true_residual():
    matrix, rhs = spd(condition=1e4), noise(2, SIZE, dtype="float64")
    found = conjugate_gradient(product(matrix), rhs, None, 1e-8, max_steps=3)
    assert list(found.steps) == [3, 3] and not np.any(found.converged)
    true = residual(product(matrix), found.value, rhs)
    np.testing.assert_allclose(found.residual, true, rtol=1e-5)


def test_a_tolerance_below_the_arithmetic_is_reported():
    matrix, rhs = spd(dtype="float32"), noise(2, SIZE)
    found = conjugate_gradient(product(matrix), rhs, None, 1e-12, max_steps=300)
    assert not np.any(found.converged)
    true = residual(product(matrix), found.value, rhs)
    np.testing.assert_allclose(found.residual, true, rtol=0.5)
    assert np.all(found.residual < 1e-4)


def test_an_indefinite_operator_stands_still_and_is_reported():
    rhs = noise(2, SIZE)
    found = conjugate_gradient(lambda x: -x, rhs, None, 1e-4, 10)
    assert np.all(found.value == 0) and not np.any(found.converged) and not np.any(found.steps)


def test_a_good_start_saves_steps():
    matrix = spd()
    wanted = noise(1, SIZE, dtype="float64")
    rhs = wanted @ matrix
    cold = conjugate_gradient(product(matrix), rhs, None, 1e-6, 200)
    near = wanted + 1e-4 * noise(1, SIZE, seed=1, dtype="float64")
    warm = conjugate_gradient(product(matrix), rhs, near, 1e-6, 200)
    assert 0 < warm.steps[0] < cold.steps[0]
    done = conjugate_gradient(product(matrix), rhs, cold.value, 1e-6, 200)
    np.testing.assert_array_equal(done.value, cold.value)
    assert done.steps[0] == 0


@pytest.mark.parametrize("compiled", [False, True])
def test_graphs(compiled):
    matrix = tf.constant(spd())

    @tf.function(jit_compile=compiled)
    def solve(rhs):
        return conjugate_gradient(product(matrix), rhs, None, 1e-9, 200)

    if not compiled:
        solve = solve.get_concrete_function(tf.TensorSpec((None, None), tf.float64))
    for batch in (1, 3):
        rhs = tf.constant(noise(batch, SIZE, dtype="float64"))
        found = solve(rhs)
        eager = conjugate_gradient(product(matrix), rhs, None, 1e-9, 200)
        np.testing.assert_allclose(found.value, eager.value, atol=1e-6)
        np.testing.assert_allclose(found.steps, eager.steps, atol=1)
        assert np.all(found.converged) and found.steps.shape == (batch,)


@pytest.mark.parametrize("graph", [False, True])
def test_gradient_is_that_of_the_dense_solve(graph):
    # With respect to b, and to what the operator captures: its matrix, and a shift of it.
    matrix = tf.Variable(spd())
    shift = tf.constant([0.2, 0.7], tf.float64)
    rhs, weight = (tf.constant(noise(2, SIZE, seed=s, dtype="float64")) for s in (1, 2))

    def iterative():
        def apply(x):
            symmetric = (matrix + tf.transpose(matrix)) / 2
            return x @ symmetric + shift[:, None] * x

        return conjugate_gradient(apply, rhs, None, 1e-12, 500).value

    def direct():
        symmetric = (matrix + tf.transpose(matrix)) / 2
        shifted = symmetric + shift[:, None, None] * tf.eye(SIZE, dtype=tf.float64)
        return tf.linalg.solve(shifted, rhs[..., None])[..., 0]

    def gradients(solve):
        with tf.GradientTape() as tape:
            tape.watch([rhs, shift])
            loss = tf.reduce_sum(weight * solve() ** 2)
        return tape.gradient(loss, [rhs, shift, matrix])

    run = tf.function(gradients) if graph else gradients
    for found, wanted in zip(run(iterative), gradients(direct), strict=True):
        size = np.linalg.norm(wanted)
        assert size > 0 and np.linalg.norm(found - wanted) <= 1e-8 * size


def test_gradient_with_respect_to_the_right_hand_side_by_finite_differences():
    matrix, weight = spd(condition=20.0), noise(1, SIZE, seed=2, dtype="float64")

    def loss(rhs):
        return tf.reduce_sum(weight * conjugate_gradient(product(matrix), rhs, None, 1e-13).value)

    rhs, along = (tf.constant(noise(1, SIZE, seed=s, dtype="float64")) for s in (3, 4))
    with tf.GradientTape() as tape:
        tape.watch(rhs)
        value = loss(rhs)
    slope = np.sum(tape.gradient(value, rhs) * along)
    step = 1e-3  # the loss is linear in rhs: no truncation error
    difference = (loss(rhs + step * along) - loss(rhs - step * along)) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-7)


def test_no_gradient_flows_to_the_start():
    start = tf.Variable(noise(1, SIZE))
    with tf.GradientTape() as tape:
        value = conjugate_gradient(lambda x: 2 * x, noise(1, SIZE, seed=1), start).value
    assert tape.gradient(value, start) is None


def test_a_graph_keeps_no_step_for_the_gradient():
    # A loop that is differentiated step by step has lists in its body, one entry a step.
    eigenvalues = tf.constant(np.geomspace(0.1, 1, SIZE).astype("float32"))

    @tf.function
    def gradient(rhs):
        with tf.GradientTape() as tape:
            tape.watch([rhs, eigenvalues])
            found = conjugate_gradient(lambda x: eigenvalues * x, rhs, None, 1e-6, 200)
        return tape.gradient(found.value, rhs), found.steps

    rhs = tf.constant(noise(1, SIZE))
    library = gradient.get_concrete_function(rhs).graph.as_graph_def().library.function
    kinds = {node.op for inner in library for node in inner.node_def}
    assert "AddV2" in kinds and not any(kind.startswith("TensorList") for kind in kinds)
    found, steps = gradient(rhs)
    assert steps[0] > 10
    np.testing.assert_allclose(found * eigenvalues, np.ones((1, SIZE)), atol=1e-4)


def test_a_tape_keeps_no_step():
    # Whatever a tape has recorded holds on to the function that gives its gradient.
    made = []

    def apply(x):
        @tf.custom_gradient
        def scaled(x, eigenvalues):
            def gradient(upstream):
                return upstream * eigenvalues, tf.reduce_sum(upstream * x, 0)

            made.append(weakref.ref(gradient))
            return eigenvalues * x, gradient

        return scaled(x, eigenvalues)

    eigenvalues = tf.Variable(np.geomspace(0.1, 1, SIZE).astype("float32"))
    rhs = tf.Variable(noise(1, SIZE))
    with tf.GradientTape() as tape:
        found = conjugate_gradient(apply, rhs, None, 1e-6, 200)
    gc.collect()
    assert found.steps[0] > 10 and len(made) > 10
    assert sum(function() is not None for function in made) == 1  # the one after the loop
    by_rhs, by_eigenvalues = tape.gradient(found.value, [rhs, eigenvalues])
    np.testing.assert_allclose(by_rhs * eigenvalues, np.ones((1, SIZE)), atol=1e-4)
    wanted = -rhs[0] / eigenvalues**2
    np.testing.assert_allclose(by_eigenvalues, wanted, atol=1e-4 * np.linalg.norm(wanted))


ROWS = {
    "tolerance of zero": ({"tolerance": 0.0}, "`tolerance` must be a number > 0", "tolerance=0.0"),
    "negative tolerance": ({"tolerance": -1e-4}, "`tolerance`", "tolerance=-0.0001"),
    "tolerance nan": ({"tolerance": float("nan")}, "`tolerance`", "tolerance=nan"),
    "no steps": ({"max_steps": 0}, "`max_steps` must be a whole number >= 1", "max_steps=0"),
    "half a step": ({"max_steps": 2.5}, "`max_steps`", "max_steps=2.5"),
    "integers": ({"rhs": np.ones((1, 4), int)}, "`rhs` must be float32 or float64", "int64"),
    "half precision": ({"rhs": np.ones((1, 4), "float16")}, "`rhs` must be float32", "float16"),
    "words": ({"rhs": "image"}, "`rhs` must be float32 or float64", "string"),
    "no batch": ({"rhs": np.ones(4, "float32")}, "`rhs` must have shape (batch, ...)", "(4,)"),
    "start of another size": ({"start": np.ones((1, 5), "float32")}, "`start`", "(1, 5)"),
    "start of another type": ({"start": np.ones((1, 4))}, "`start`", "float64"),
}


@pytest.mark.parametrize("changed, said", [(c, s) for c, *s in ROWS.values()], ids=list(ROWS))
def test_bad_arguments_are_named(changed, said):
    arguments = {"rhs": np.ones((1, 4), "float32"), **changed}
    with pytest.raises(InvalidInput) as error:
        conjugate_gradient(lambda x: x, **arguments)
    for part in said:
        assert part in str(error.value)
