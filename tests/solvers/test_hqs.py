"""Half-quadratic splitting: its recursion, reports, gradients and errors."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tests.solvers.makers import Dense, blur_matrix
from tfdeblur.errors import InvalidInput
from tfdeblur.solvers import deconvolve, half_quadratic

K = Dense(blur_matrix(5, 6))
TIGHT = {"tolerance": 1e-11, "max_steps": 300}


def observed_image(batch=2):
    return noise(batch, 5, 6, 3, dtype="float64")


def shrink(deconvolved, observed):
    return 0.7 * deconvolved + 0.2 * observed


def test_levels_are_the_papers():
    observed, betas = observed_image(), [0.05, 0.2, np.array([0.8, 0.4])]
    found = half_quadratic(K, observed, shrink, betas, **TIGHT)
    anchor = observed
    for level, beta in enumerate(betas):
        deconvolved = deconvolve(K, observed, anchor, beta, **TIGHT)
        np.testing.assert_array_equal(found.steps[level], deconvolved.steps)
        np.testing.assert_allclose(found.residual[level], deconvolved.residual, rtol=1e-3)
        anchor = shrink(deconvolved.value, observed)
    np.testing.assert_allclose(found.value, anchor, atol=1e-9)
    assert found.steps.shape == found.residual.shape == found.converged.shape == (3, 2)
    assert np.all(found.converged)


def test_without_a_prior_each_level_explains_the_image_better():
    # Then it is iterated Tikhonov regularisation, whose misfit falls from level to level.
    observed = observed_image()
    misfits = [np.linalg.norm(K.apply(observed) - observed)]
    for levels in range(1, 5):
        found = half_quadratic(K, observed, lambda image, _: image, [0.1] * levels, **TIGHT)
        misfits.append(np.linalg.norm(K.apply(found.value) - observed))
    assert np.all(np.diff(misfits) < 0)


def test_a_level_that_does_not_converge_is_told_from_the_others():
    observed = observed_image()
    found = half_quadratic(K, observed, shrink, [1e-4, 1e4], tolerance=1e-6, max_steps=4)
    assert found.converged.numpy().tolist() == [[False, False], [True, True]]
    assert np.all(found.steps[0] == 4)


def test_gradient_reaches_the_prior_and_goes_through_the_levels():
    strength = tf.Variable(0.6, dtype=tf.float64)
    observed, weight = observed_image(), noise(2, 5, 6, 3, seed=1, dtype="float64")

    @tf.function
    def loss():
        def prior(deconvolved, observed):
            return strength * deconvolved

        return tf.reduce_sum(weight * half_quadratic(K, observed, prior, [0.1] * 3, **TIGHT).value)

    with tf.GradientTape() as tape:
        value = loss()
    slope = tape.gradient(value, strength)
    around = []
    for shifted in (0.6 + 1e-5, 0.6 - 1e-5):
        strength.assign(shifted)
        around.append(loss())
    np.testing.assert_allclose(slope, (around[0] - around[1]) / 2e-5, rtol=1e-6)


IMAGE = np.zeros((1, 5, 6, 3))
ROWS = {
    "no levels": ({"betas": []}, "`betas` must have at least one level", "betas=[]"),
    "a number": ({"betas": 0.1}, "`betas` must be a sequence", "betas=0.1"),
    "one bad": ({"betas": [0.1, 0.0]}, "`betas[1]` must be > 0", "betas[1]=0.0"),
    "tolerance": ({"betas": [1.0], "tolerance": -1}, "`tolerance`", "tolerance=-1"),
    "image": ({"observed": IMAGE[0]}, "`observed` must have shape", "(5, 6, 3)"),
    "prior's size": ({"prior": lambda x, o: x[:, 1:]}, "`prior(deconvolved", "(1, 4, 6, 3)"),
    "prior's type": ({"prior": lambda x, o: tf.cast(x, tf.float32)}, "`prior(", "dtype=float32"),
}


@pytest.mark.parametrize("changed, said", [(c, s) for c, *s in ROWS.values()], ids=list(ROWS))
def test_bad_arguments_are_named(changed, said):
    arguments = {"observed": IMAGE, "prior": shrink, "betas": [0.1], **changed}
    with pytest.raises(InvalidInput) as error:
        half_quadratic(K, **arguments)
    for part in said:
        assert part in str(error.value)
