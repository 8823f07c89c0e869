"""The same weights give the same numbers on TensorFlow, JAX and NumPy."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tfdeblur.networks import BiSkip, Critic

_SCRIPT = """
import json, sys
import numpy as np
import keras
from tfdeblur.networks import BiSkip, Critic

folder = sys.argv[1]
image = np.load(folder + "/image.npy")
generator = keras.saving.load_model(folder + "/generator.keras")
critic = keras.saving.load_model(folder + "/critic.keras")
restored = keras.ops.convert_to_numpy(generator(image))
np.save(folder + "/restored.npy", restored)
np.save(folder + "/score.npy", keras.ops.convert_to_numpy(critic(image)))
print(json.dumps({"backend": keras.backend.backend(), "tensorflow": "tensorflow" in sys.modules}))
"""


# The NumPy backend borrows its convolution from JAX, so both need it.
@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_forward_numbers(tmp_path, backend):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("needs jax (pip install jax)")
    image = np.random.default_rng(0).random((1, 32, 48, 3), "float32")
    generator, critic = BiSkip(width=0.125, norm="batch"), Critic(width=0.125)
    generator.save(tmp_path / "generator.keras")
    critic.save(tmp_path / "critic.keras")
    np.save(tmp_path / "image.npy", image)
    answer = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    facts = json.loads(answer.stdout.splitlines()[-1])
    assert facts == {"backend": backend, "tensorflow": False}
    np.testing.assert_allclose(np.load(tmp_path / "restored.npy"), generator(image), atol=2e-5)
    np.testing.assert_allclose(np.load(tmp_path / "score.npy"), critic(image), atol=2e-5)
