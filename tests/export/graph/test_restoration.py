"""Served graphs take the decisions of the restorers: passes, ensembles, what is no restoration."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from export.graph.served import served_model
from tests.export.helpers import Scale
from tests.helpers import picture
from tests.restorers.makers import LOCAL, Network, blurred
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.passes import InPasses

LEANING = Network(  # another result in each direction, and another in each further pass
    lambda image: 0.7 * image + 0.3 * tf.roll(image, 1, axis=2) ** 2
)


@pytest.fixture(scope="module", autouse=True)
def unoptimized():
    """TensorFlow takes longer to optimise such graphs than to run them; exports have it on."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    before.setdefault("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options(before)


@pytest.mark.parametrize(
    "model",
    [
        Restorer(LEANING),
        InPasses(Restorer(LEANING), 3),
        Restorer(LEANING, self_ensemble=True),
        Restorer(Scale(0.0)),  # black: no restoration of a bright image, maybe one of a dark one
        InPasses(Restorer(Scale(0.6)), 3),  # ends after some passes, image by image
        Restorer(Network(lambda image: image / tf.where(image > 0.99, 0.0, 1.0))),
    ],
    ids=["once", "passes", "ensemble", "black", "darker", "infinite"],
)
def test_a_batch_in_a_graph_is_each_image_restored(model):
    images = np.stack([picture(9, 14, seed=seed) * scale for seed, scale in enumerate((1, 0.3))])
    images[0, 0, 0] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wanted = [model(image).image for image in images]
    found = served_model(model).restore(images)
    assert found.motion is None
    np.testing.assert_allclose(found.image, wanted, atol=1e-6)


def _moody(image):
    """A SEN that sees nonsense in bright pictures and nothing in dark ones."""
    mean = tf.reduce_mean(image, axis=(1, 2, 3), keepdims=True)
    flow = tf.zeros_like(image[..., :2]) + (6.0, -3.0)
    return tf.where(mean > 0.8, float("nan"), tf.where(mean < 0.2, 0.0, flow))


# One graph is enough to see that there can be one: the same functions run without, much sooner.
@pytest.mark.parametrize(
    "passes, early_stop, in_a_graph", [(1, True, True), (2, True, False), (2, False, False)]
)
def test_passes_end_as_those_of_the_blind_restorer(passes, early_stop, in_a_graph):
    model = BlindRestorer(
        Network(_moody, size_multiple=64),
        LOCAL,
        BlindSettings((0.05,)),
        passes=passes,
        early_stop=early_stop,
    )
    images = np.stack([blurred(), blurred(seed=3) * 0.2 + 0.8, blurred(seed=5) * 0.2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wanted = [model(image) for image in images]
    assert [one.degenerate for one in wanted] == [False, True, False]
    served = served_model(model)
    found = served.restore(images) if in_a_graph else served.body(tf.constant(images))
    np.testing.assert_allclose(found.image, [one.image for one in wanted], atol=1e-4)
    np.testing.assert_allclose(found.motion.flow, [one.flow for one in wanted], atol=1e-6)
    confidence = [one.confidence for one in wanted]
    np.testing.assert_allclose(found.motion.confidence, confidence, atol=1e-3)
    np.testing.assert_allclose(found.motion.score, [one.score for one in wanted], atol=1e-3)
    assert found.motion.score[0] > 0
