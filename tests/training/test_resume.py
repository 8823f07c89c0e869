"""Runs whose end is said later: the rate falls when told, and steps that are done stay."""

import json

import numpy as np
import pytest

from tests.helpers import EAGERLY
from tests.training.helpers import tiny as tiny_rp_gan
from tests.training.makers import tiny, write_pairs
from tests.training.test_run import keep_trainers, stop_after
from tests.training.test_sen import tiny as tiny_sen
from tfdeblur.config import override, to_json
from tfdeblur.errors import InvalidInput
from tfdeblur.training import run as runs
from tfdeblur.training.resume import settle_settings

pytestmark = EAGERLY


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), count=2, height=32, width=32)


def constant(pairs, **settings):
    given = {
        "loss__scheme": "1-BS",
        "network__unshuffle": 2,
        "network__blocks": "gated",
        "network__channels": "4,4",
        "network__depths": "1,1,0",
        "network__norm": "none",
        "network__width": 1.0,
        "optimizer__name": "muon",
        "optimizer__schedule": "constant",
        "optimizer__ema": 0.5,
        "run__epochs": 3,
        "run__steps_per_epoch": 2,
        **settings,
    }
    return tiny(pairs, **given)


@pytest.fixture(scope="module")
def whole(pairs, tmp_path_factory):
    """The state of three epochs, the last three steps of which the rate falls."""
    with pytest.MonkeyPatch.context() as patch:
        built = keep_trainers(patch)
        config = constant(pairs, optimizer__decay_steps=3)
        runs.train(config, tmp_path_factory.mktemp("whole"), verbose=0)
    return state(built[0])


def state(trainer):
    return [np.asarray(v) for v in [*trainer.network.weights, *trainer.optimizer.variables]]


def test_a_run_told_later_when_to_end_equals_one_told_before(pairs, whole, tmp_path, monkeypatch):
    runs.train(constant(pairs, run__epochs=1), tmp_path, verbose=0)
    built = keep_trainers(monkeypatch)
    record = runs.train(constant(pairs, optimizer__decay_steps=3), tmp_path, resume=True, verbose=0)
    assert record["config"]["run"]["epochs"] == 3
    assert json.loads((tmp_path / "run.json").read_text())["config"] == record["config"]
    for ours, wanted in zip(state(built[0]), whole, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-7)


def test_a_run_stopped_within_its_fall_goes_on(pairs, whole, tmp_path, monkeypatch):
    config = constant(pairs, optimizer__decay_steps=3)
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            runs.train(override(config, {"run.backup_minutes": 0.0}), tmp_path, verbose=0)
    built = keep_trainers(monkeypatch)
    runs.train(config, tmp_path, resume=True, verbose=0)
    for ours, wanted in zip(state(built[0]), whole, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-7)


def put_backup(folder, config, done):
    """A run folder as after `done` epochs of two steps; what its record holds."""
    backup = folder / "backup" / f"step-{2 * done:09d}b"
    backup.mkdir(parents=True, exist_ok=True)
    (backup / "position.json").write_text(json.dumps({"epoch": done, "step": 0}))
    return {"config": to_json(config), "steps_per_epoch": 2}


def begun(folder, done, **settings):
    """A run of three epochs as after `done` of them, its configuration and record."""
    config = constant("pairs", **settings)
    return config, put_backup(folder, config, done)


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, {"optimizer.decay_steps": 4}),
        ({}, {"optimizer.decay_steps": 5}),
        ({}, {"run.epochs": 1}),
        ({}, {"run.epochs": 9, "optimizer.decay_steps": 8}),
        ({"optimizer__decay_steps": 4}, {"optimizer.decay_steps": 0}),
        ({}, {"optimizer.ema": 0.9}),  # an average may see farther later
        ({}, {"optimizer.learning_rate": 1e-4, "optimizer.clip_norm": 1.0}),
        ({}, {"optimizer.schedule": "cosine", "run.steps_per_epoch": 9}),
        ({"loss__scheme": "S1-BS"}, {"run.epochs": 9}),
        ({"optimizer__schedule": "cosine"}, {"run.epochs": 9}),
    ],
)
def test_what_may_change(tmp_path, settings, changed):
    config, record = begun(tmp_path, 1, **settings)
    config = override(config, changed)
    assert settle_settings(config, tmp_path, record) == config


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"optimizer.beta_1": 0.5}, "Differing: optimizer.beta_1: 0.9 then, 0.5 now.* --init"),
        ({"network.width": 2.0}, "Differing: network.width: 1.0 then, 2.0 now.* new run folder. L"),
        ({"loss.scheme": "S1-BS"}, "loss.scheme: '1-BS' then, 'S1-BS' now"),
        ({"data.batch": 4, "run.epochs": 9}, "Differing: data.batch: 2 then, 4 now"),
        ({"optimizer.ema": 0.0}, "Differing: optimizer.ema: 0.5 then, 0.0 now"),
        ({"run.epochs": 1}, "Received: run.epochs=1, and .* is in epoch 2. Give 2 or more"),
    ],
)
def test_what_cannot_change(tmp_path, changed, message):
    config, record = begun(tmp_path, 2)
    with pytest.raises(InvalidInput, match=message):
        settle_settings(override(config, changed), tmp_path, record)


@pytest.mark.parametrize(
    ("epochs", "done", "epochs_now", "ended", "planned"),
    [
        (7, 3, 14, (), (12, 2)),  # within the first stack: as if planned so
        (7, 6, 14, (6,), (6, 8)),  # the last stack has what comes
        (7, 7, 14, (6,), (6, 8)),
        (28, 9, 11, (), (9, 2)),
        (28, 12, 13, (12,), (12, 1)),  # the first stack learnt for longer than it has now
        (14, 13, 13, (12,), (12, 1)),
    ],
)
def test_stacks_of_sen_that_have_ended_stay(tmp_path, epochs, done, epochs_now, ended, planned):
    config = tiny_sen("photographs", run__epochs=epochs, sen__further_part=1 / 7)
    record = put_backup(tmp_path, config, done)
    settled = settle_settings(override(config, {"run.epochs": epochs_now}), tmp_path, record)
    assert settled.sen.ended == ended and settled.sen.epochs(epochs_now) == planned
    # Extended once more, by a whole command, which knows nothing of stacks that have ended.
    record = put_backup(tmp_path, settled, epochs_now)
    settled = settle_settings(override(config, {"run.epochs": 50}), tmp_path, record)
    assert settled.sen.epochs(50) == (planned[0], 50 - planned[0])


@pytest.mark.parametrize(
    ("epochs", "done", "epochs_now", "first"),
    [(12, 2, 24, 5), (12, 3, 24, 3), (12, 12, 24, 3), (50, 8, 12, 8), (50, 8, 40, 8)],
)
def test_level_1_of_rp_gan_stays_where_it_has_ended(tmp_path, epochs, done, epochs_now, first):
    config = tiny_rp_gan("sen.keras", run__epochs=epochs, rpgan__first_part=40 / 190)
    record = put_backup(tmp_path, config, done)
    settled = settle_settings(override(config, {"run.epochs": epochs_now}), tmp_path, record)
    assert settled.rpgan.first_epochs(epochs_now) == first


def test_a_stack_needs_an_epoch(tmp_path):
    config = tiny_sen("photographs", run__epochs=28, sen__further_part=1 / 7)
    record = put_backup(tmp_path, config, 9)
    with pytest.raises(InvalidInput, match="must be enough for 2 stacks.*run.epochs=9"):
        settle_settings(override(config, {"run.epochs": 9}), tmp_path, record)
