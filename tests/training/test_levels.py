"""Deconvolution by levels around the generator in training: whose betas a sample gets."""

import numpy as np
import tensorflow as tf

from tests.helpers import noise, picture
from tfdeblur.operators import MotionBlur
from tfdeblur.solvers import deconvolve
from tfdeblur.training.levels import Levels, is_known

BETAS, TRUSTING = (0.2, 0.4), (0.01, 0.02)
TIGHT = {"tolerance": 1e-5, "max_steps": 200}


def samples():
    """Observed images and flows; the true flow came with the first alone."""
    sharp = np.stack([picture(24, 32, seed=i) for i in range(2)]) + 0.05 * noise(2, 24, 32, 3)
    flow = tf.constant(np.zeros((2, 24, 32, 2), "float32") + (6, 2), tf.float32)
    brought = np.array(flow)
    brought[1, 3, 4, 0] = np.nan
    return tf.constant(MotionBlur(flow).apply(sharp.astype("float32"))), flow, brought


def soften(image, training):
    return 0.7 * image[..., :3] + 0.2 * image[..., 3:]


def test_samples_whose_flow_is_known_have_betas_of_their_own():
    observed, flow, brought = samples()
    levels = Levels(None, BETAS, **TIGHT, known_betas=TRUSTING)
    known = is_known(brought)
    assert known.numpy().tolist() == [True, False]
    first = levels.first(observed, flow, known)
    second = levels.further(soften, observed, flow, known, first, 2)
    K = MotionBlur(flow)
    for number, betas in enumerate((TRUSTING, BETAS)):
        one = deconvolve(K, observed, observed, betas[0], **TIGHT).value
        np.testing.assert_allclose(first[number], one[number], atol=1e-3)
        anchor = 0.7 * one + 0.2 * observed
        two = deconvolve(K, observed, anchor, betas[1], **TIGHT).value
        np.testing.assert_allclose(second[number], two[number], atol=1e-3)
    assert np.abs(first[0] - deconvolve(K, observed, observed, 0.2).value[0]).max() > 0.02


def test_without_betas_of_their_own_all_samples_are_alike():
    observed, flow, brought = samples()
    levels = Levels(None, BETAS, **TIGHT)
    first = levels.first(observed, flow, is_known(brought))
    np.testing.assert_allclose(first, levels.first(observed, flow), atol=1e-6)
