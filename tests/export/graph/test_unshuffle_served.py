"""A network on folded pixels is served as it restores."""

import json

import keras
import numpy as np

from export import export_model
from export.graph.manifest import MANIFEST
from tests.export.helpers import loaded
from tests.helpers import picture
from tfdeblur.networks import BiSkip
from tfdeblur.restorers.network import Restorer


def test_gated_blocks_on_folded_pixels(tmp_path):
    keras.utils.set_random_seed(0)
    network = BiSkip(
        norm="none", unshuffle=4, blocks="gated", channels=(8, 8, 12), depths=(1, 1, 0, 1, 0)
    )
    head = network.get_layer("head").kernel
    head.assign(0.05 * head)  # as it is, the result would be taken for no restoration
    version = export_model(network, tmp_path, name="folded", max_pixels=20_000)
    found = json.loads((version / MANIFEST).read_text())
    assert found["size_multiples"] == {"network": 16}
    image = picture(37, 50)
    with loaded(version) as served:
        restored = served("serving_default", image[None])
    if isinstance(restored, dict):
        restored = restored["restored"]
    assert np.abs(restored[0] - image).max() > 1e-3
    np.testing.assert_allclose(restored[0], Restorer(network)(image).image, atol=1e-5)
