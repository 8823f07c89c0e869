"""RP-GAN's three players: who learns from what, and how the artifact critic is bounded."""

import numpy as np
import pytest

from tests.helpers import EAGERLY
from tests.training.helpers import batch, tiny, write_sen
from tfdeblur.config import override
from tfdeblur.errors import InvalidInput
from tfdeblur.networks import ArtifactCritic, BiSkip
from tfdeblur.training.build import build_trainer
from tfdeblur.training.rp_gan import RPGANTrainer

pytestmark = EAGERLY


@pytest.fixture(scope="module")
def sen(tmp_path_factory):
    return write_sen(tmp_path_factory.mktemp("sen"))


def weights_of(trainer):
    parts = {
        "generator": trainer.generator,
        "discriminator": trainer.discriminator,
        "critic": trainer.artifact_critic,
        "frozen": trainer.frozen,
        "sen": trainer.levels.sen,
    }
    return {name: part.get_weights() for name, part in parts.items() if part is not None}


def moved(before, after):
    return {
        name
        for name in before
        if any(not np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))
    }


def step(trainer, stage=1):
    """One step on the same batch, without a run."""
    trainer.stage = stage
    given = batch() if stage else (*batch()[1:], np.full((2, 64, 64, 2), np.nan, "float32"))
    return {name: float(value) for name, value in trainer.train_step(given).items()}


@pytest.fixture(scope="module")
def trainer(sen):
    """With a gradient penalty; its weights move from test to test."""
    settings = {"network__head_initializer": "glorot_uniform", "optimizer__learning_rate": 3e-3}
    return build_trainer(tiny(sen, **settings), 99)


def fresh(trainer):
    for tracker in trainer.trackers.values():
        tracker.reset_state()


@pytest.mark.parametrize("stage", [0, 1])
def test_three_players_learn_and_nothing_else_moves(trainer, stage):
    before = weights_of(trainer)
    logs = step(trainer, stage)
    assert moved(before, weights_of(trainer)) == {"generator", "discriminator", "critic"}
    assert {"loss", "content", "pixel", "adversarial", "discriminator", "artifacts"} <= set(logs)


def test_the_loss_is_the_sum_of_its_terms_and_falls(trainer):
    trainer.adversarial_weight, trainer.artifact_weight = 0.05, 2.0
    fresh(trainer)
    first = step(trainer)
    total = first["content"] + 0.05 * first["adversarial"] + 2.0 * first["artifacts"]
    assert first["loss"] == pytest.approx(total, rel=1e-5)
    for _ in range(12):
        fresh(trainer)
        last = step(trainer)
    assert last["content"] < 0.8 * first["content"]


def test_no_penalty_for_the_sharp_image_itself(trainer):
    deconvolved, observed, sharp = batch()
    score = trainer.artifact_critic.get_layer("patch_scores")
    for image, free in ((sharp, True), (deconvolved, False)):
        fresh(trainer)
        for _ in range(2):  # whichever this critic calls an artifact
            score.kernel.assign(-score.kernel)
            trainer._objective(image, observed, sharp)
        assert (float(trainer.trackers["artifacts"].result()) == 0) == free


def test_gradients_are_pulled_to_length_one(trainer):
    trainer.critic_steps = 5
    trainer.artifact_critic.set_weights([0.3 * w for w in trainer.artifact_critic.get_weights()])
    fresh(trainer)
    first = step(trainer)["penalty"]
    for _ in range(4):
        fresh(trainer)
        last = step(trainer)["penalty"]
    assert first > 5 and last < 0.7 * first


def test_weights_stay_within_the_clip(sen):
    trainer = build_trainer(tiny(sen, loss__lipschitz="clip", loss__clip=0.02), 6)
    assert max(np.abs(w).max() for w in trainer.artifact_critic.get_weights()) > 0.02
    step(trainer)
    assert max(np.abs(w).max() for w in trainer.artifact_critic.get_weights()) <= 0.02


def test_both_opponents_have_a_rate_of_their_own(sen):
    trainer = build_trainer(tiny(sen, optimizer__opponent_rate=0.5), 99)
    players = trainer.optimizer, trainer.discriminator_optimizer, trainer.critic_optimizer
    ours, discriminators, critics = (float(player._learning_rate(9)) for player in players)
    assert discriminators == critics == pytest.approx(0.5 * ours)


def test_spectral_norms_are_one(sen):
    trainer = build_trainer(tiny(sen, loss__lipschitz="spectral"), 99)
    for _ in range(6):
        step(trainer)
    kernels = [w for w in trainer.artifact_critic.weights if w.path.endswith("/kernel")]
    assert len(kernels) == 6
    for kernel in kernels:
        matrix = np.reshape(kernel, (-1, kernel.shape[-1]))
        # Normalised before the update, by one power iteration a step: one step off.
        assert np.linalg.norm(matrix, 2) == pytest.approx(1, abs=0.1)


def test_lipschitz_and_critic_must_fit(sen):
    trainer = build_trainer(tiny(sen, loss__artifact_weight=0.0), 6)
    assert trainer.artifact_critic is None
    assert "artifacts" not in step(trainer)
    with pytest.raises(InvalidInput, match="`lipschitz` must be one of"):
        RPGANTrainer(None, None, None, None, None, 0, lipschitz="no")
    critic = ArtifactCritic(0.03, spectral=True)
    with pytest.raises(InvalidInput, match="spectral=True"):
        RPGANTrainer(None, None, critic, None, None, 0, lipschitz="clip")


def test_bi_skip_as_prior(sen):
    trainer = build_trainer(tiny(sen, rpgan__prior="biskip", network__width=0.06), 6)
    assert isinstance(trainer.generator, BiSkip)
    step(trainer)
    values = trainer.frame_metrics((batch()[1][:1, :40, :50], batch()[2][:1, :40, :50]))
    assert np.isfinite([float(value[0]) for value in values.values()]).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"data.crop": 48},
        {"rpgan.betas": "0.1,-1"},
        {"rpgan.level_shares": "0.5,0.4"},
        {"rpgan.level_shares": "0.5,0.3,0.2"},
        {"rpgan.known_betas": "0.1"},
        {"rpgan.known_betas": "0.1,0"},
        {"rpgan.buffer": 1},
        {"loss.pixel_weight": 0.0, "loss.feature_weight": 0.0},
    ],
)
def test_settings_that_do_not_go_together(sen, settings):
    with pytest.raises(InvalidInput, match="for RP-GAN. Received"):
        override(tiny(sen), settings)
