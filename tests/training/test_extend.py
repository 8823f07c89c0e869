"""Runs that have ended and go on: as if planned so, or at another rate, and told in run.json."""

import json

import keras
import numpy as np
import pytest

from tests.helpers import EAGERLY
from tests.training.helpers import tiny as tiny_rp_gan
from tests.training.helpers import write_sen
from tests.training.makers import write_pairs
from tests.training.test_resume import constant as tiny
from tests.training.test_run import keep_trainers, stop_after
from tests.training.test_sen import tiny as tiny_sen
from tfdeblur.config import override
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.presets import preset
from tfdeblur.training import run as runs
from tfdeblur.training.backup import Position
from tfdeblur.training.plan import Plan

pytestmark = EAGERLY
CONSTANT = {"optimizer.schedule": "constant", "run.steps_per_epoch": 2, "run.panel_every": 0}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), 4, 72, 80)


@pytest.fixture(scope="module")
def sen(tmp_path_factory):
    return write_sen(tmp_path_factory.mktemp("sen"))


def settings_of(model, pairs, sen):
    """A configuration of every kind of trainer, whose parts end alike in 2 epochs and in 3."""
    if model == "biskip":
        return tiny(pairs, loss__scheme="A1-BS", optimizer__ema=0.5)
    if model == "maxim":
        small = {"network.features": 4, "network.stages": 1, "data.crop": 64, "data.batch": 1}
        given = {**small, "data.train": str(pairs), "optimizer.ema": 0.5}
        return override(preset("maxim-small"), {**given, "run.precision": "float32"})
    if model == "sen":
        return tiny_sen(pairs / "sharp", sen__further_part=2 / 3)
    joint = {"rpgan__joint": True, "rpgan__sen_rate": 1.0} if model == "joint" else {}
    return tiny_rp_gan(sen, pairs, **joint)


def state(trainer):
    """All that a step depends on, by name."""
    found = {"network": trainer}
    for name in ("optimizer", "critic_optimizer", "discriminator_optimizer", "sen_optimizer"):
        if getattr(trainer, name, None) is not None:
            found[name] = getattr(trainer, name)
    found.update({f"stack {i}": o for i, o in enumerate(getattr(trainer, "stack_optimizers", []))})
    return [(name, np.asarray(v)) for name, part in found.items() for v in part.variables]


SLOW = [pytest.param(model, marks=pytest.mark.slow) for model in ("maxim", "sen", "joint")]


@pytest.mark.parametrize("model", ["biskip", "rpgan", *SLOW])
def test_an_extended_run_equals_one_planned_so(pairs, sen, tmp_path, monkeypatch, model):
    config = override(settings_of(model, pairs, sen), {**CONSTANT, "run.epochs": 3})
    built = keep_trainers(monkeypatch)
    runs.train(config, tmp_path / "planned", verbose=0)
    runs.train(override(config, {"run.epochs": 2}), tmp_path / "run", verbose=0)
    before = [np.array(w) for w in built[-1].network.get_weights()]
    record = runs.train(config, tmp_path / "run", resume=True, verbose=0)
    planned, _, extended = built
    moved = zip(before, extended.network.get_weights(), strict=True)
    assert max(np.abs(a - b).max() for a, b in moved) > 1e-5
    for (name, ours), (_, theirs) in zip(state(extended), state(planned), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5, err_msg=name)
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 4
    (entry,) = record["history"]
    assert (entry["epoch"], entry["step"]) == (2, 4)
    assert entry["changed"]["run.epochs"] == {"from": 2, "to": 3}
    kept = {name for name in entry["changed"] if name != "run.epochs"}
    assert kept == ({"sen.ended"} if model == "sen" else set())


def test_self_paced_learning_goes_on_with_its_next_epoch(pairs, tmp_path, monkeypatch):
    config = tiny(pairs, loss__scheme="S1-BS", run__epochs=2, run__steps_per_epoch=2)
    built = keep_trainers(monkeypatch)
    runs.train(config, tmp_path, verbose=0)
    assert int(built[-1].self_paced.epoch) == 2  # T
    lam = float(built[-1].self_paced.lam)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            pace = self.model.self_paced
            seen.append((int(pace.epoch), float(pace.lam), len(pace._exponents)))

    callbacks = runs._callbacks
    monkeypatch.setattr(runs, "_callbacks", lambda *a, **k: [*callbacks(*a, **k), Look()])
    longer = override(config, {"run.epochs": 3})
    runs.train(longer, tmp_path, resume=True, verbose=0)
    assert seen == [(3, lam, 3)] * 2


def test_longer_epochs_and_a_rate_that_falls(pairs, tmp_path, monkeypatch):
    base = {**CONSTANT, "run.backup_minutes": 0.0, "optimizer.ema": 0.5}
    config = override(tiny(pairs), {**base, "run.epochs": 4, "optimizer.decay_steps": 4})
    built = keep_trainers(monkeypatch)
    runs.train(config, tmp_path / "planned", verbose=0)
    folder = tmp_path / "run"
    early = {"run.epochs": 1, "optimizer.decay_steps": 0}
    runs.train(override(config, early), folder, verbose=0)
    # One epoch of 2 steps is done; two more of 3 steps are the same 8 in all.
    longer = override(config, {"run.epochs": 3, "run.steps_per_epoch": 3})
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            runs.train(longer, folder, resume=True, verbose=0)
    assert {p.name for p in (folder / "backup").iterdir()} == {"step-000000003a", "step-000000004a"}
    record = runs.train(longer, folder, resume=True, verbose=0)
    assert int(built[-1].optimizer.iterations) == 8
    for (name, ours), (_, theirs) in zip(state(built[-1]), state(built[0]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5, err_msg=name)
    (entry,) = record["history"]  # the second resuming changed nothing
    assert entry["changed"] == {
        "optimizer.decay_steps": {"from": 0, "to": 4},
        "run.epochs": {"from": 1, "to": 3},
        "run.steps_per_epoch": {"from": 2, "to": 3},
        "steps_per_epoch": {"from": 2, "to": 3},
    }
    assert record["paces"] == [[0, 2], [1, 3]] and Plan.of_record(record).total == 8
    assert json.loads((folder / "run.json").read_text()) == record
    assert (folder / "backup" / "step-000000008b").is_dir()


def test_a_rate_is_lowered_and_told(pairs, tmp_path, monkeypatch, caplog):
    config = override(tiny(pairs), {**CONSTANT, "run.epochs": 2})
    runs.train(config, tmp_path, verbose=0)
    lower = override(config, {"run.epochs": 3, "optimizer.learning_rate": 1e-5})
    built = keep_trainers(monkeypatch)
    with caplog.at_level("INFO"):
        record = runs.train(lower, tmp_path, resume=True, verbose=0)
    assert float(built[0].optimizer.learning_rate) == pytest.approx(1e-5)
    (entry,) = record["history"]
    assert entry["learning_rate"] == {"from": pytest.approx(1e-3), "to": pytest.approx(1e-5)}
    assert (
        "From step 4 on: optimizer.learning_rate 0.001 -> 1e-05, run.epochs 2 -> 3" in caplog.text
    )
    assert "The learning rate there: 0.001 -> 1e-05" in caplog.text


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_rate_that_had_ended_is_that_of_the_longer_run(pairs, tmp_path, schedule):
    config = override(tiny(pairs), {**CONSTANT, "optimizer.schedule": schedule, "run.epochs": 2})
    runs.train(config, tmp_path, verbose=0)
    longer = override(config, {"run.epochs": 3})
    record = runs.train(longer, tmp_path, resume=True, verbose=0)
    # Step 4 of 6: a third of the fall is left of linear's second half, a quarter of the cosine.
    left = {"linear": 2 / 3, "cosine": 0.25}[schedule]
    rate, end = 1e-3, 1e-3 * config.optimizer.final_factor
    assert 0 < end < 0.1 * rate
    assert record["history"][0]["learning_rate"] == {
        "from": pytest.approx(end, rel=1e-4),
        "to": pytest.approx(end + left * (rate - end), rel=1e-4),
    }


def test_runs_of_earlier_versions_go_on(pairs, tmp_path, monkeypatch):
    config = override(tiny(pairs), {**CONSTANT, "run.epochs": 2})
    runs.train(config, tmp_path, verbose=0)
    record = json.loads((tmp_path / "run.json").read_text())
    del record["paces"], record["config"]["sen"]["ended"], record["config"]["rpgan"]["first_ended"]
    (tmp_path / "run.json").write_text(json.dumps(record))
    built = keep_trainers(monkeypatch)
    assert "history" not in runs.train(config, tmp_path, resume=True, verbose=0)
    (tmp_path / "run.json").write_text(json.dumps(record))
    record = runs.train(override(config, {"run.epochs": 3}), tmp_path, resume=True, verbose=0)
    assert int(built[-1].optimizer.iterations) == 6
    assert record["history"][0]["step"] == 4 and record["paces"] == [[0, 2]]


def test_other_data_only_if_asked(pairs, tmp_path):
    config = override(tiny(pairs), {**CONSTANT, "run.epochs": 1})
    folder = tmp_path / "run"
    before = runs.train(config, folder, verbose=0)["data"]
    other = write_pairs(tmp_path / "other", count=3, first=20)
    moved = override(config, {"data.train": str(other), "run.epochs": 2})
    with pytest.raises(DataError, match="contents have changed.*--new-data"):
        runs.train(moved, folder, resume=True, verbose=0)
    record = runs.train(moved, folder, resume=True, verbose=0, new_data=True)
    assert record["data"]["train_names"] == ["020", "021", "022"]
    assert record["history"][0]["changed"]["data.train_fingerprint"] == {
        "from": before["train_fingerprint"],
        "to": record["data"]["train_fingerprint"],
    }


def test_validation_is_not_dropped_unasked(tmp_path, caplog):
    for split, first in (("train", 0), ("test", 10)):
        write_pairs(tmp_path / "pairs" / split, 4, 72, 80, first)
    config = override(tiny(tmp_path / "pairs"), {**CONSTANT, "run.epochs": 1})
    folder = tmp_path / "run"
    assert runs.train(config, folder, verbose=0)["data"]["validation_names"]
    part = override(config, {"data.train": str(tmp_path / "pairs/train"), "run.epochs": 2})
    with pytest.raises(DataError, match="started with 4, and now there are none.*--new-data"):
        runs.train(part, folder, resume=True, verbose=0)
    caplog.set_level("INFO", logger="tfdeblur")
    record = runs.train(part, folder, resume=True, verbose=0, new_data=True)
    assert record["data"]["validation_names"] == []
    assert "No validation any more: the 4 pairs" in caplog.text
    assert "From now on the newest network is kept, and not the best." in caplog.text
    assert runs.train(part, folder, resume=True, verbose=0)["state"] == "done"  # asked once


def test_an_epoch_has_at_least_the_steps_that_are_done(pairs, tmp_path, monkeypatch):
    config = override(tiny(pairs), {**CONSTANT, "run.steps_per_epoch": 3, "run.backup_minutes": 0})
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path, verbose=0)
    short = override(config, {"run.steps_per_epoch": 1})
    with pytest.raises(InvalidInput, match="at least the 2 steps that are done.*Received: 1 steps"):
        runs.train(short, tmp_path, resume=True, verbose=0)


def test_steps_between_epochs():
    plan = Plan(6, ((0, 2), (1, 3), (4, 5)))
    assert [plan.between(0, end) for end in range(8)] == [0, 2, 5, 8, 11, 16, 21, 26]
    assert plan.between(2, 5) == 3 + 3 + 5 and plan.between(5, 2) == 0 and plan.total == 21
    assert plan.done(Position(4, 2)) == 13
    assert plan.go_on(Position(2, 1), 9, 3).paces == ((0, 2), (1, 3))
    assert plan.go_on(Position(2, 1), 9, 7).paces == ((0, 2), (1, 3), (2, 7))
    assert plan.go_on(Position(0, 0), 9, 7).paces == ((0, 7),)
