"""An exported RP-GAN: flow, solve, levels and passes in the graph, in a v1 session."""

import json
import warnings

import numpy as np
import pytest

from export import export_model
from export.graph.manifest import MANIFEST
from tests.export.helpers import loaded, pixels, png
from tests.restorers.makers import LOCAL, SEN, SETTINGS, blurred
from tfdeblur.errors import InvalidInput
from tfdeblur.networks import SEN as Estimator
from tfdeblur.networks import RPGANGenerator
from tfdeblur.restorers.blind.restorer import BlindRestorer


def test_tiles_are_not_for_rp_gan(tmp_path):
    with pytest.raises(InvalidInput, match="`fixed_tile` is not for RP-GAN"):
        export_model(BlindRestorer(SEN, LOCAL, SETTINGS), tmp_path, fixed_tile=192)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("passes", [1, 2])
def test_the_answers_of_the_blind_restorer(tmp_path, passes):
    networks = (
        Estimator(stacks=1, width=0.03, norm="none"),
        RPGANGenerator(width=0.06, norm="none", head="residual"),
    )
    model = BlindRestorer(*networks, SETTINGS, passes=passes)
    folder = export_model(model, tmp_path, max_pixels=9000)
    described = json.loads((folder / MANIFEST).read_text())
    assert described["settings"]["betas"] == list(SETTINGS.betas)
    assert described["settings"]["passes"] == passes
    assert described["size_multiples"] == {"sen": 64, "generator": 4}
    weights = sum(v.nbytes for network in networks for v in network.get_weights())
    assert described["weights_bytes"] == weights
    with loaded(folder) as v1:
        for height, width in ((1, 1), (24, 35), (50, 33)):
            image = np.round(255 * blurred(height, width)).astype(np.uint8)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                wanted = model(image)
                exact = model(image * np.float32(1 / 255))
            found = v1("serving_uint8", image[None])[0]
            assert np.abs(found.astype(int) - wanted.image).max() <= 1
            (file,) = v1("serving_bytes", np.array([png(image)], object))
            np.testing.assert_array_equal(pixels(file), found)
            flow = v1("serving_flow", image[None] * np.float32(1 / 255))
            assert set(flow) == {"restored", "flow", "confidence", "score"}
            np.testing.assert_allclose(flow["restored"][0], exact.image, atol=1e-4)
            np.testing.assert_allclose(flow["flow"][0], exact.flow, atol=1e-4)
            np.testing.assert_allclose(flow["confidence"][0], exact.confidence, atol=1e-3)
            np.testing.assert_allclose(flow["score"][0], exact.score, atol=1e-3)
