"""Runs whose end is said later: the rate falls when told, and steps that are done stay."""

import json

import numpy as np
import pytest

from tests.helpers import EAGERLY
from tests.training.makers import tiny, write_pairs
from tests.training.test_run import keep_trainers, stop_after
from tfdeblur.config import override, to_json
from tfdeblur.errors import InvalidInput
from tfdeblur.training import run as runs
from tfdeblur.training.resume import check_settings

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
    message = "must leave what is done.*falls from step 3 on. Received: a run of 6 steps"
    with pytest.raises(InvalidInput, match=message):  # the fall is over: nothing to put it off
        runs.train(override(config, {"run.epochs": 5}), tmp_path, resume=True, verbose=0)


def begun(folder, done, **settings):
    """A run folder as after `done` epochs of two steps, and its configuration and record."""
    config = constant("pairs", **settings)
    backup = folder / "backup" / "step-000000001b"
    backup.mkdir(parents=True)
    (backup / "position.json").write_text(json.dumps({"epoch": done, "step": 0}))
    return config, {"config": to_json(config), "steps_per_epoch": 2}


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, {"optimizer.decay_steps": 4}),
        ({}, {"run.epochs": 1}),
        ({}, {"run.epochs": 9, "optimizer.decay_steps": 8}),
        ({"optimizer__decay_steps": 4}, {"run.epochs": 9}),
        ({"optimizer__decay_steps": 4}, {"optimizer.decay_steps": 0}),
        ({}, {"optimizer.ema": 0.9}),  # an average may see farther later
    ],
)
def test_an_end_that_may_be_changed(tmp_path, settings, changed):
    config, record = begun(tmp_path, 1, **settings)
    check_settings(override(config, changed), tmp_path, record)


@pytest.mark.parametrize(
    ("settings", "changed", "message"),
    [
        ({}, {"optimizer.decay_steps": 5}, "falls from step 1 on. Received: a run of 2 steps"),
        ({"optimizer__decay_steps": 5}, {"run.epochs": 9}, "decay_steps=5 .* from step 1 on"),
        ({"optimizer__decay_steps": 5}, {"optimizer.decay_steps": 0}, "from step 1 on"),
        ({}, {"optimizer.learning_rate": 0.5}, "Differing: optimizer.learning_rate"),
        ({"loss__scheme": "S1-BS"}, {"run.epochs": 9}, "Differing: run.epochs: 3 then, 9 now"),
        ({"optimizer__schedule": "cosine"}, {"run.epochs": 9}, "Differing: run.epochs"),
        ({"optimizer__ema": 0.0}, {"optimizer.ema": 0.9}, "Differing: optimizer.ema"),
    ],
)
def test_what_would_change_steps_that_are_done(tmp_path, settings, changed, message):
    config, record = begun(tmp_path, 1, **settings)
    with pytest.raises(InvalidInput, match=message):
        check_settings(override(config, changed), tmp_path, record)
