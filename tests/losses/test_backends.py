"""The same numbers on TensorFlow (here), JAX and NumPy (each in a process of its own)."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def values():
    """Every loss on the same small arrays, as lists."""
    import keras

    from tfdeblur.losses import FLOW_LOSSES, BiLevelContent, FlowLoss, PixelLoss, adversarial
    from tfdeblur.metrics import end_point_error, flow_mse
    from tfdeblur.networks.features import VGGFeatures
    from tfdeblur.training.self_paced import SelfPacedState, self_paced_weights

    rng = np.random.default_rng(0)
    sharp, restored = rng.random((2, 3, 8, 8, 3)).astype("float32")
    scores = rng.standard_normal((3, 2, 2, 1)).astype("float32")
    flows = 9 * rng.standard_normal((2, 3, 4, 4, 2)).astype("float32")
    vgg = VGGFeatures(layer="block2_conv1", weights="random:1")
    state = SelfPacedState(epochs=3, normalise=True)
    state.observe(np.array([1.0, 4.0], "float32"))
    state.advance()
    found = {
        "l1": PixelLoss("l1").call(sharp, restored),
        "l2": PixelLoss("l2").call(sharp, restored),
        "content": BiLevelContent("l1", lambda image: image**2).call(sharp, restored),
        "vgg": BiLevelContent("l2", vgg).call(sharp, restored),
        "critic": adversarial.CriticLoss()(scores, -scores),
        "penalty": adversarial.penalty_from_gradients(restored - 0.5),
        "mixed": adversarial.interpolate(sharp, restored, np.array([0.0, 0.3, 1.0])),
        "v": self_paced_weights(np.array([0.0, 1.0, 3.999, 4.0, np.nan], "float32"), 4.0, 1.05),
        "state": state.sample_weights(np.array([0.5, 3.0, 5.0], "float32")),
        "histogram": state.v_histogram,
        "flow_mse": flow_mse(*flows),
        "end_point_error": end_point_error(*flows),
        **{f"flow_{kind}": FlowLoss(kind).call(*flows) for kind in FLOW_LOSSES},
    }
    return {
        name: np.asarray(keras.ops.convert_to_numpy(value), "float64").ravel().tolist()
        for name, value in found.items()
    }


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_same_numbers(backend):
    # Keras's NumPy backend imports jax too (its convolutions are jax's).
    if importlib.util.find_spec("jax") is None:
        pytest.skip(f"jax is not installed: losses NOT compared with the {backend} backend")
    script = (
        "import importlib.util, json, sys\n"
        f"spec = importlib.util.spec_from_file_location('shared', {__file__!r})\n"
        "shared = importlib.util.module_from_spec(spec); spec.loader.exec_module(shared)\n"
        "found = shared.values()\n"
        "import keras\n"
        "found['backend'] = keras.backend.backend()\n"
        "found['tensorflow'] = 'tensorflow' in sys.modules\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", script],
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout.splitlines()[-1])
    assert there.pop("backend") == backend
    assert not there.pop("tensorflow"), "tensorflow was imported by keras-only files"
    here = values()
    assert there.keys() == here.keys()
    for name, expected in here.items():
        np.testing.assert_allclose(there[name], expected, rtol=2e-5, atol=1e-6, err_msg=name)
