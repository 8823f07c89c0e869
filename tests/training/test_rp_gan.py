"""RP-GAN's three players, its buffer and its frozen parts; runs resume in both stages."""

import json
import logging
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tests.training.makers import write_pairs
from tests.training.test_run import StopAfter, keep_trainers
from tfdeblur.config import override
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.networks import SEN, ArtifactCritic, BiSkip
from tfdeblur.presets import preset
from tfdeblur.training import run as runs
from tfdeblur.training.build import build_trainer
from tfdeblur.training.rp_gan import RPGANTrainer
from tfdeblur.training.tasks import task_of

# TensorFlow's remark that datasets are compiled all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")


@pytest.fixture(scope="module", autouse=True)
def eagerly(request):
    """Steps that are not compiled: for a few of them compiling takes ten times as long."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def compiled():
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(True)


@pytest.fixture(scope="module")
def sen(tmp_path_factory):
    """A SEN that knows nothing but sees motions of some pixels."""
    keras.utils.set_random_seed(1)
    network = SEN(stacks=1, width=0.02, norm="none")
    head = network.estimators[0].get_layer("flow_shortcut")
    head.bias.assign([3.0, -2.0])
    path = tmp_path_factory.mktemp("sen") / "sen.keras"
    network.save(path)
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), 4, 72, 80)


def tiny(sen, data="x", **settings):
    base = {
        "data.train": str(data),
        "data.crop": 64,
        "data.batch": 2,
        "network.width": 0.03,
        "network.critic_width": 0.03,
        "loss.feature_weight": 0.0,
        "optimizer.learning_rate": 1e-3,
        "optimizer.warmup_steps": 0,
        "optimizer.ema": 0.0,
        "rpgan.sen": str(sen),
        "rpgan.betas": "0.1,0.2",
        "rpgan.level_shares": "0.5,0.5",
        "rpgan.buffer": 4,
        "rpgan.buffer_passes": 1,
        "rpgan.max_steps": 5,
        "run.precision": "float32",
        "run.epochs": 2,
        "run.steps_per_epoch": 3,
        "run.panel_every": 0,
    }
    given = {name.replace("__", "."): value for name, value in settings.items()}
    return override(preset("rpgan-small"), {**base, **given})


def batch(seed=0):
    """Level 1 of a replay buffer."""
    sharp = np.clip(0.5 + 0.2 * noise(2, 64, 64, 3, seed=seed), 0, 1)
    return sharp + 0.05 * noise(2, 64, 64, 3, seed=seed + 1), np.roll(sharp, 1, 2), sharp


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


def test_samples_come_from_the_frozen_copy(sen, pairs):
    config = tiny(sen, pairs, network__head_initializer="glorot_uniform")
    trainer = build_trainer(config, 6)
    task_of(config).attach(config, runs.open_data(config).train, trainer)
    trainer.stage = 1
    trainer.optimizer.iterations.assign(3)
    iterator = trainer.batches(None)
    assert int(trainer.cycle) == 0 and trainer.replay.cycle == 0
    np.testing.assert_array_equal(
        trainer.frozen.get_weights()[0], trainer.generator.get_weights()[0]
    )
    before = trainer.replay._samples.deconvolved.copy()
    next(iterator)

    trainer.generator.set_weights([2 * w for w in trainer.generator.get_weights()])
    trainer.optimizer.iterations.assign(4)  # the same filling
    assert trainer.batches(None) is iterator
    trainer.replay.cycle = None  # as after a restart: made again, by the same copy
    trainer.batches(None)
    np.testing.assert_array_equal(trainer.replay._samples.deconvolved, before)

    trainer.optimizer.iterations.assign(5)  # the next filling, by the generator of now
    trainer.batches(None)
    assert int(trainer.cycle) == 1
    second = trainer.replay._samples.deconvolved.copy()
    levels = trainer.replay.levels
    trainer.cycle.assign(1)
    trainer.replay.cycle = None
    trainer.frozen.set_weights([0 * w for w in trainer.frozen.get_weights()])
    trainer.batches(None)
    again = trainer.replay._samples.deconvolved
    np.testing.assert_array_equal(again[levels == 1], second[levels == 1])
    assert np.abs(again[levels == 2] - second[levels == 2]).max() > 1e-2


def test_an_interrupt_ends_the_filling(sen, pairs):
    config = tiny(sen, pairs)
    trainer = build_trainer(config, 6)
    task_of(config).attach(config, runs.open_data(config).train, trainer)
    trainer.stage, trainer.interrupt = 1, threading.Event()
    trainer.optimizer.iterations.assign(3)
    assert trainer.wants_backup  # so nothing is lost
    trainer.interrupt.set()
    with pytest.raises(KeyboardInterrupt):
        trainer.batches(None)
    assert trainer.replay.cycle is None


@pytest.fixture(scope="module")
def whole(sen, pairs, tmp_path_factory):
    """An uninterrupted run: 3 steps on level 1, 3 on two fillings of the buffer."""
    folder = tmp_path_factory.mktemp("whole")
    config = tiny(
        sen, pairs, data__validation_only=("003",), data__train_exclude=("003",),
        run__panel_every=2, run__validate_every=2,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        built = keep_trainers(patch)
        runs.train(config, folder, verbose=0)
    return config, built[0], folder


# Killed on level 1; at the change; inside a filling, before the next one.
@pytest.mark.parametrize("stop", [pytest.param(2, marks=pytest.mark.slow), 3, 4])
def test_resumed_equals_uninterrupted(whole, tmp_path, monkeypatch, stop):
    resume(whole, tmp_path, monkeypatch, stop)


@pytest.mark.slow
def test_compiled_steps_are_the_same(whole, tmp_path, monkeypatch, compiled):
    resume(whole, tmp_path, monkeypatch, stop=4)


def resume(whole, tmp_path, monkeypatch, stop):
    """Kills a run and resumes it: the same weights and optimizers as without."""
    config, expected, _ = whole
    quiet = {"data.validation_only": (), "run.panel_every": 0, "run.backup_minutes": 0.0}
    quiet["rpgan.fill_beside"] = stop == 4  # changes nothing
    config = override(config, quiet)
    built = keep_trainers(monkeypatch)
    callbacks = runs._callbacks
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_callbacks", lambda *a, **k: [*callbacks(*a, **k), StopAfter(stop)])
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path, verbose=0)
    runs.train(override(config, {"rpgan.sen": ""}), tmp_path, resume=True, verbose=0)
    resumed = built[-1]
    assert int(resumed.optimizer.iterations) == 6 and int(resumed.cycle) == 1

    def states(trainer):
        players = trainer.optimizer, trainer.discriminator_optimizer, trainer.critic_optimizer
        return [trainer, *players]

    for a, b in zip(states(resumed), states(expected), strict=True):
        for x, y in zip(a.variables, b.variables, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=2e-5, err_msg=x.path)


def test_run_folder_is_whole_by_itself(whole, sen):
    config, trainer, folder = whole
    assert (folder / "sen.keras").read_bytes() == sen.read_bytes()
    settings = json.loads((folder / "pipeline.json").read_text())
    assert settings["betas"] == [0.1, 0.2] and settings["max_steps"] == 5
    kept = keras.saving.load_model(folder / "generator.keras")
    for ours, theirs in zip(kept.get_weights(), trainer.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    facts = json.loads((folder / "generator.json").read_text())
    image = next(iter(task_of(config).images(config, runs.open_data(config).validation)))
    for name, value in trainer.frame_metrics(image).items():
        assert facts[f"val_{name}"] == pytest.approx(float(value[0]), abs=1e-3)
    assert (folder / "panels" / "epoch-0002.png").is_file()
    # Backups hold no SEN, which never changes.
    (weights,) = {p.stat().st_size for p in (folder / "backup").glob("*/*.h5")}
    assert weights < 3e6


def test_another_sen_is_refused(whole, tmp_path):
    config, _, folder = whole
    SEN(stacks=1, width=0.02).save(tmp_path / "sen.keras")
    other = override(config, {"rpgan.sen": str(tmp_path)})
    with pytest.raises(InvalidInput, match="must be the SEN that the run began with"):
        runs.train(other, folder, resume=True)


def test_a_fine_tuning_begins_with_trained_weights(whole, tmp_path, caplog):
    config, trainer, folder = whole
    settings = {"run.init": str(folder), "optimizer.learning_rate": 1e-12, "run.epochs": 1}
    quiet = {"data.validation_only": (), "run.panel_every": 0, "run.steps_per_epoch": 1}
    with caplog.at_level(logging.INFO, "tfdeblur"):
        runs.train(override(config, {**settings, **quiet}), tmp_path, verbose=0)
    assert "Beginning with the weights of" in caplog.text
    begun = keras.saving.load_model(tmp_path / "generator.keras").get_weights()
    for ours, theirs in zip(begun, trainer.generator.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"rpgan.sen": ""}, InvalidInput, "`--sen` must name a trained SEN"),
        ({"rpgan.sen": "nowhere"}, DataError, "There is no nowhere"),
        (
            {"loss.vgg": "none", "loss.feature_weight": 1.0, "loss.pixel_weight": 0.0},
            InvalidInput,
            "`--vgg none` leaves nothing to compare",
        ),
        ({"run.init": "nowhere"}, DataError, "`run.init` must be a run folder"),
    ],
)
def test_what_is_missing_is_named(sen, pairs, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        runs.train(override(tiny(sen, pairs), settings), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"data.crop": 48},
        {"rpgan.betas": "0.1,-1"},
        {"rpgan.level_shares": "0.5,0.4"},
        {"rpgan.level_shares": "0.5,0.3,0.2", "rpgan.betas": "0.1"},
        {"rpgan.buffer": 1},
        {"loss.pixel_weight": 0.0, "loss.feature_weight": 0.0},
    ],
)
def test_settings_that_do_not_go_together(sen, settings):
    with pytest.raises(InvalidInput, match="for RP-GAN. Received"):
        override(tiny(sen), settings)
