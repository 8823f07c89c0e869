import keras
import numpy as np
import pytest

from tests.helpers import assert_round_trip, noise
from tfdeblur.networks import ArtifactCritic, Discriminator, RPGANGenerator


def test_parameter_counts():
    assert RPGANGenerator().count_params() == 8_770_622
    assert Discriminator().count_params() == 6_968_257
    assert ArtifactCritic().count_params() == 6_959_553


def test_residual_blocks_of_the_generator_by_hand():
    layers = [layer for layer in RPGANGenerator().layers if layer.name.startswith("res")]
    kernels = [w for layer in layers for w in layer.weights if w.name == "kernel"]
    # Six blocks of two 3x3 convolutions with 256 channels; and the last one on 64 + 6 channels.
    last = 9 * (70 * 2 + 2 * 2 + 2 * 3 + 70 * 3)
    assert sum(int(np.prod(w.shape)) for w in kernels) == 6 * 2 * 9 * 256 * 256 + last


def test_shapes():
    images = noise(2, 20, 36, 6)
    assert RPGANGenerator(0.1)(images).shape == (2, 20, 36, 3)
    assert Discriminator(0.1)(images).shape == (2, 2, 3, 1)
    assert ArtifactCritic(0.1)(images[..., :3]).shape == (2,)


def test_generator_and_logits_may_be_negative():
    keras.utils.set_random_seed(0)
    images = noise(4, 32, 32, 6)
    for output in (RPGANGenerator(0.25)(images), Discriminator(0.25)(images)):
        assert 0 < (np.asarray(output) < 0).mean() < 1


def test_generator_depends_on_both_images():
    keras.utils.set_random_seed(0)
    network, images = RPGANGenerator(0.1), noise(1, 32, 32, 6)
    for channels in (slice(0, 3), slice(3, 6)):
        changed = images.copy()
        changed[..., channels] += 0.1
        assert np.abs(network(changed) - network(images)).max() > 1e-4


def test_critic_judges_each_image_by_itself():
    keras.utils.set_random_seed(0)
    critic, images = ArtifactCritic(0.1), noise(3, 32, 32, 3)
    alone = [float(critic(images[i : i + 1])[0]) for i in range(3)]
    np.testing.assert_allclose(critic(images), alone, rtol=1e-5)


def test_spectral_norm_bounds_every_kernel():
    keras.utils.set_random_seed(0)
    critic = ArtifactCritic(0.1, spectral=True)
    for _ in range(60):  # each training call does one step of the power iteration
        critic(noise(1, 32, 32, 3), training=True)
    kernels = [w for w in critic.trainable_variables if w.name == "kernel"]
    assert len(kernels) == 6
    for kernel in kernels:
        matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])
        assert np.linalg.norm(matrix, 2) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
@pytest.mark.parametrize("network", [RPGANGenerator, Discriminator])
def test_round_trip(tmp_path, network, norm):
    assert_round_trip(network(0.1, norm=norm), noise(1, 32, 32, 6), tmp_path)


def test_round_trip_of_the_critic(tmp_path):
    assert_round_trip(ArtifactCritic(0.1, spectral=True), noise(1, 32, 32, 3), tmp_path)


@pytest.mark.parametrize("network", [RPGANGenerator, Discriminator, ArtifactCritic])
def test_bad_arguments_are_named(network):
    with pytest.raises(ValueError, match="`width` must be a positive number. Received: width=-1"):
        network(-1)
    with pytest.raises(ValueError, match="`norm` must be one of.*norm='x'"):
        network(norm="x")
