"""The same weights give the same numbers on TensorFlow, JAX and NumPy."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tfdeblur.networks import SEN, ArtifactCritic, BiSkip, Critic, Discriminator, RPGANGenerator

_SCRIPT = """
import json, sys
import numpy as np
import keras
import tfdeblur.networks

folder, names = sys.argv[1], sys.argv[2].split(",")
for name in names:
    network = keras.saving.load_model(folder + f"/{name}.keras")
    image = np.load(folder + f"/image{network.inputs[0].shape[-1]}.npy")
    np.save(folder + f"/{name}.npy", keras.ops.convert_to_numpy(network(image)))
print(json.dumps({"backend": keras.backend.backend(), "tensorflow": "tensorflow" in sys.modules}))
"""


# The NumPy backend borrows its convolution from JAX, so both need it.
@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_forward_numbers(tmp_path, backend):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("needs jax (pip install jax)")
    networks = {
        "BiSkip": BiSkip(width=0.125, norm="batch"),
        "Gated": BiSkip(
            norm="none", unshuffle=4, blocks="gated", channels=(8, 8), depths=(1, 0, 0)
        ),
        "Critic": Critic(width=0.125),
    }
    if backend == "numpy":  # JAX would compile every convolution of the others: a minute
        networks |= {
            "SEN": SEN(width=0.1),
            "FoldedSEN": SEN(1, "dilated", 0.05, "none", unshuffle=2),
            "FoldedRPGAN": RPGANGenerator(0.1, "none", unshuffle=2),
            "RPGANGenerator": RPGANGenerator(0.1),
            "Discriminator": Discriminator(0.1),
            "ArtifactCritic": ArtifactCritic(0.1),
        }
    images = {n: np.random.default_rng(n).random((1, 64, 64, n), "float32") for n in (3, 6)}
    for channels, image in images.items():
        np.save(tmp_path / f"image{channels}.npy", image)
    for name, network in networks.items():
        network.save(tmp_path / f"{name}.keras")
    answer = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path), ",".join(networks)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    facts = json.loads(answer.stdout.splitlines()[-1])
    assert facts == {"backend": backend, "tensorflow": False}
    for name, network in networks.items():
        expected = network(images[network.inputs[0].shape[-1]])
        np.testing.assert_allclose(
            np.load(tmp_path / f"{name}.npy"), expected, atol=5e-5, err_msg=name
        )
