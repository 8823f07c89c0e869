"""One blind pass: the loop it must equal, graphs of unknown sizes, settings and their errors."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise, picture
from tfdeblur.errors import InvalidInput
from tfdeblur.operators import MotionBlur, canonical_flow
from tfdeblur.restorers.blind.confidence import explained
from tfdeblur.restorers.blind.one_pass import BlindSettings, blind_pass, cleaner, estimator
from tfdeblur.solvers import deconvolve

TIGHT = {"tolerance": 1e-5, "max_steps": 200}


def images(height=24, width=32, batch=2):
    textured = [picture(height, width, seed=i) for i in range(batch)]
    return np.stack(textured) + 0.05 * noise(batch, height, width, 3)


def flow_of(image):
    """A flow of either sign that depends on the image."""
    image = tf.convert_to_tensor(image)
    return tf.stack([12 * image[..., 0] - 6, 9 * image[..., 1]], axis=-1)


def keep(deconvolved, observed):
    return deconvolved


def soften(deconvolved, observed):
    return 0.7 * deconvolved + 0.2 * observed


def test_with_the_identity_prior_it_is_repeated_deconvolution():
    observed, settings = images(), BlindSettings((0.05, 0.1, 0.4), **TIGHT)
    done = blind_pass(observed, flow_of, keep, settings)
    K, anchor = MotionBlur(flow_of(observed)), tf.constant(observed)
    for level, beta in enumerate(settings.betas):
        found = deconvolve(K, observed, anchor, beta, **TIGHT)
        np.testing.assert_array_equal(done.steps[level], found.steps)
        assert np.all(done.converged[level]) and np.all(done.residual[level] <= 1e-5)
        anchor = found.value
        for image in done.levels[level]:
            np.testing.assert_allclose(image, anchor, atol=1e-6)
    np.testing.assert_allclose(done.image, anchor, atol=1e-6)
    assert np.abs(anchor - observed).mean() > 0.01


def test_one_level_is_one_deconvolution():
    observed = images()
    done = blind_pass(observed, flow_of, keep, BlindSettings((0.1,), **TIGHT))
    found = deconvolve(MotionBlur(flow_of(observed)), observed, observed, 0.1, **TIGHT)
    np.testing.assert_allclose(done.image, found.value, atol=1e-6)
    assert done.steps.shape == done.residual.shape == done.converged.shape == (1, 2)


def test_cleaning_happens_after_every_deconvolution():
    observed, settings = images(), BlindSettings((0.05, 0.4), **TIGHT)
    done = blind_pass(observed, flow_of, soften, settings)
    K = MotionBlur(flow_of(observed))
    first = soften(deconvolve(K, observed, observed, 0.05, **TIGHT).value, observed)
    second = deconvolve(K, observed, first, 0.4, **TIGHT).value
    np.testing.assert_allclose(done.levels[0][1], first, atol=1e-5)
    np.testing.assert_allclose(done.levels[1][0], second, atol=1e-5)
    np.testing.assert_allclose(done.image, soften(second, observed), atol=1e-5)


def test_reports_the_flow_and_how_well_it_explains():
    observed, settings = images(), BlindSettings((0.05,))
    done = blind_pass(observed, flow_of, soften, settings)
    np.testing.assert_array_equal(done.flow, canonical_flow(flow_of(observed)))
    assert np.min(flow_of(observed)[..., 0]) < 0 <= np.min(done.flow[..., 0])
    K = MotionBlur(flow_of(observed))
    expected = explained(K, np.clip(done.image, 0, 1), observed)
    np.testing.assert_allclose(done.confidence, expected[0], atol=1e-5)
    np.testing.assert_allclose(done.score, expected[1], atol=1e-5)
    assert done.confidence.shape == (2, 24, 32) and done.score.shape == (2,)


def test_a_known_flow_takes_the_place_of_the_estimate():
    observed, settings = images(), BlindSettings((0.05,))
    known = -flow_of(observed)  # the other sign is the same blur
    done = blind_pass(observed, None, soften, settings, known, keep_levels=False)
    wanted = blind_pass(observed, flow_of, soften, settings)
    np.testing.assert_allclose(done.image, wanted.image, atol=1e-6)
    np.testing.assert_array_equal(done.flow, wanted.flow)
    assert done.levels == ()


def test_a_graph_for_all_sizes_gives_what_eager_calls_give():
    settings = BlindSettings((0.05, 0.1))

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    def graph(observed):
        return blind_pass(observed, flow_of, soften, settings)

    for height, width, batch in ((24, 32, 2), (17, 9, 1), (1, 1, 1)):
        observed = images(height, width, batch).astype("float32")
        eager, traced = blind_pass(observed, flow_of, soften, settings), graph(observed)
        tf.nest.assert_same_structure(eager, traced)
        for name, one, other in zip(eager._fields, eager, traced, strict=True):
            for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
                np.testing.assert_allclose(a, b, atol=1e-4, err_msg=name)
    assert graph.experimental_get_tracing_count() == 1
    operations = {op.type for op in graph.get_concrete_function().graph.get_operations()}
    assert not operations & {"PyFunc", "EagerPyFunc"}


def test_too_few_steps_are_reported_level_by_level():
    settings = BlindSettings((1e-4, 1e4), tolerance=1e-5, max_steps=3)
    done = blind_pass(images(), flow_of, keep, settings)
    assert done.converged.numpy().tolist() == [[False, False], [True, True]]
    assert np.all(done.residual[0] > 1e-5) and np.all(done.steps[0] == 3)


class Spy:
    """A network that checks its sizes and returns what it is told."""

    size_multiple = 8

    def __init__(self, function):
        self.function = function
        self.shapes = []

    def __call__(self, image, training):
        if training is not False:
            raise RuntimeError("inference must pass training=False")
        self.shapes.append(tuple(image.shape))
        return self.function(image)


def test_networks_meet_their_size_multiple_and_both_images():
    network = Spy(lambda x: 2 * x[..., :3] - x[..., 3:])
    a, b = images(5, 9), images(5, 9) ** 2
    np.testing.assert_allclose(cleaner(network)(a, b), 2 * a - b, atol=1e-6)
    sen = Spy(lambda x: 10 * x[..., :2])
    np.testing.assert_allclose(estimator(sen)(a), 10 * a[..., :2], atol=1e-5)
    assert network.shapes == [(2, 8, 16, 6)] and sen.shapes == [(2, 8, 16, 3)]


def test_bad_flows_are_refused():
    observed, settings = images(), BlindSettings((0.1,))
    with pytest.raises(InvalidInput, match="`flow` must be finite"):
        blind_pass(observed, lambda x: flow_of(x) * np.nan, keep, settings)
    with pytest.raises(InvalidInput, match="`estimate` is needed"):
        blind_pass(observed, None, keep, settings)
    with pytest.raises(InvalidInput, match="sizes|shape"):
        blind_pass(observed, lambda x: flow_of(x)[:, 1:], keep, settings)


def test_settings_survive_json():
    settings = BlindSettings((0.02, 0.5), tolerance=1e-2, max_steps=7, rasterizer="fspecial")
    assert BlindSettings.from_json(settings.to_json()) == settings
    assert BlindSettings.from_json({"betas": [0.1]}) == BlindSettings((0.1,))
    settings = BlindSettings((0.2, 0.4), known_betas=(0.01, 0.02))
    assert BlindSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert BlindSettings.from_json({"betas": [0.1], "known_betas": []}) == BlindSettings((0.1,))


def test_settings_for_known_flows_and_for_fewer_levels():
    settings = BlindSettings((0.2, 0.4), 0.01, known_betas=(0.01, 0.02))
    assert settings.for_known_flow() == BlindSettings((0.01, 0.02), 0.01)
    assert settings.first_levels(1) == BlindSettings((0.2,), 0.01, known_betas=(0.01,))
    plain = BlindSettings((0.2, 0.4))
    assert plain.for_known_flow() == plain and plain.first_levels(2) == plain


BAD = {
    "none": ({"betas": []}, "betas=[]"),
    "number": ({"betas": 0.1}, "betas=0.1"),
    "zero": ({"betas": [0.1, 0]}, "betas=[0.1, 0]"),
    "nan": ({"betas": [float("nan")]}, "betas=[nan]"),
    "text": ({"betas": ["0.1"]}, "betas=['0.1']"),
    "truth": ({"betas": [True]}, "betas=[True]"),
    "tolerance": ({"betas": [1], "tolerance": 0}, "tolerance=0"),
    "steps": ({"betas": [1], "max_steps": 0.5}, "max_steps=0.5"),
    "known zero": ({"betas": [1], "known_betas": [0]}, "known_betas=[0]"),
    "known number": ({"betas": [1], "known_betas": 0.1}, "known_betas=0.1"),
    "known nought": ({"betas": [1], "known_betas": 0}, "known_betas=0"),
    "known array": ({"betas": [1], "known_betas": np.ones(2)}, "known_betas=array([1., 1.])"),
    "known count": ({"betas": [1], "known_betas": [0.1, 0.2]}, "must be as many as `betas`, 1"),
    "lines": ({"betas": [1], "rasterizer": "thin"}, "rasterizer='thin'"),
    "unknown": ({"betas": [1], "beta": 2}, "Unknown keys ['beta']; valid ones are ['betas', 'tol"),
    "missing": ({"tolerance": 0.1}, "`betas`"),
    "list": ([0.1], "Received: [0.1]"),
}


@pytest.mark.parametrize("values, says", BAD.values(), ids=list(BAD))
def test_bad_settings_are_named(values, says):
    with pytest.raises(InvalidInput, match=re.escape(says)):
        BlindSettings.from_json(values)
