"""Whole runs: resuming equals not stopping, folders are not mixed, records tell what was done."""

import csv
import dataclasses
import json

import cv2
import keras
import numpy as np
import pytest

from tests.training.makers import tiny, write_pairs
from tfdeblur.config import override
from tfdeblur.errors import DataError, InvalidInput, NotConverged
from tfdeblur.training import run as runs
from tfdeblur.training.optimizers import calls_of


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"))


class StopAfter(keras.callbacks.Callback):
    """Ends the process's work the hard way after some steps, as a kill would."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= bool(logs)
        if self.left == 0:
            raise KeyboardInterrupt


def keep_trainers(patch):
    """A list that receives the trainers that runs build, in order."""
    built = []
    build = runs.build_trainer

    def keep(*arguments):
        built.append(build(*arguments))
        return built[-1]

    patch.setattr(runs, "build_trainer", keep)
    return built


@pytest.fixture
def trainers(monkeypatch):
    return keep_trainers(monkeypatch)


def stop_after(monkeypatch, steps):
    callbacks = runs._callbacks
    monkeypatch.setattr(runs, "_callbacks", lambda *a, **k: [*callbacks(*a, **k), StopAfter(steps)])


@pytest.fixture(scope="module")
def uninterrupted(pairs, tmp_path_factory):
    """Maps EMA momentum and steps an update to a whole run: configuration, trainer, history."""
    known = {}

    def trained(*key):
        if key not in known:
            options = {"optimizer__ema": key[0], "optimizer__accumulate": key[1]}
            config = tiny(pairs, loss__scheme="SA1-S", run__backup_minutes=0.0, **options)
            with pytest.MonkeyPatch.context() as patch:
                built, folder = keep_trainers(patch), tmp_path_factory.mktemp("whole")
                runs.train(config, folder, verbose=0)
            known[key] = config, built[0], history(folder)
        return known[key]

    return trained


# 3 epochs of 3 steps: stopped inside an epoch, and at the last step of one.
# The last: also inside an update.
@pytest.mark.parametrize(
    ("made", "stop"), [((0, 1), 4), ((0.9, 1), 4), ((0.9, 1), 6), ((0.9, 2), 5)]
)
def test_resumed_equals_uninterrupted(uninterrupted, tmp_path, monkeypatch, trainers, made, stop):
    config, whole, rows = uninterrupted(*made)
    with monkeypatch.context() as patch:
        stop_after(patch, stop)
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path, verbose=0)
    runs.train(config, tmp_path, resume=True, verbose=0)

    stopped, resumed = trainers[-2:]
    assert calls_of(stopped.optimizer) == stop
    assert calls_of(resumed.optimizer) == 9
    assert calls_of(resumed.critic_optimizer) == 18
    assert int(resumed.self_paced.epoch) == 3
    np.testing.assert_allclose(resumed.self_paced.lam, whole.self_paced.lam, rtol=1e-4)
    assert_close(whole.variables, resumed.variables)
    for player in ("optimizer", "critic_optimizer"):  # moments and EMA
        assert_close(getattr(whole, player).variables, getattr(resumed, player).variables)
    assert history(tmp_path).keys() == rows.keys()
    for name, values in history(tmp_path).items():  # means over all steps of the epoch
        np.testing.assert_allclose(values, rows[name], rtol=2e-3, err_msg=name)


def history(folder):
    """Columns of a run's history."""
    with open(folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def assert_close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5, err_msg=a.path)


def test_stopping_changes_something(pairs, tmp_path, trainers):
    # The test above could not fail if nine steps and four gave the same weights.
    runs.train(tiny(pairs, run__epochs=1), tmp_path / "short", verbose=0)
    runs.train(tiny(pairs, run__epochs=3), tmp_path / "long", verbose=0)
    short, long = (
        keras.ops.convert_to_numpy(t.generator.get_layer("head").kernel) for t in trainers
    )
    assert np.abs(short - long).max() > 1e-4


def test_ctrl_c_saves_the_step_and_stops(pairs, tmp_path, monkeypatch, trainers):
    class PressCtrlC(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)

    callbacks = runs._callbacks
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_callbacks", lambda *a, **k: [PressCtrlC(), *callbacks(*a, **k)])
        with pytest.raises(KeyboardInterrupt):
            runs.train(tiny(pairs), tmp_path, verbose=0)
    assert trainers[0].optimizer.iterations == 2
    runs.train(tiny(pairs), tmp_path, resume=True, verbose=0)
    assert trainers[1].optimizer.iterations == 9


def test_run_folder_tells_what_was_done(pairs, tmp_path):
    validation = write_pairs(tmp_path / "held_apart", count=2, first=10)
    config = tiny(pairs, data__validation=str(validation), run__panel_every=2, loss__scheme="S1-S")
    folder = tmp_path / "run"
    runs.train(config, folder, verbose=0)
    record = json.loads((folder / "run.json").read_text())
    assert record["state"] == "done"
    assert record["data"]["validation_names"] == ["010", "011"]
    assert not set(record["data"]["validation_names"]) & set(record["data"]["train_names"])
    assert record["data"]["blurred_psnr"] == pytest.approx(psnr_of_blurred(validation), abs=1e-4)
    assert 0 < record["data"]["blurred_ssim"] < 1
    assert record["versions"]["keras"] == keras.__version__
    assert record["seed"] == 0 and record["parameters"] > 0
    assert {p.name for p in (folder / "panels").iterdir()} == {"epoch-0002.png", "epoch-0003.png"}
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == 4 and "val_psnr" in rows[0]
    facts = json.loads((folder / "generator.json").read_text())
    best = max(float(row.split(",")[rows[0].split(",").index("val_psnr")]) for row in rows[1:])
    assert facts["val_psnr"] == pytest.approx(best)
    assert (
        keras.saving.load_model(folder / "generator.keras").count_params() == record["parameters"]
    )
    events = list((folder / "logs").rglob("events*"))
    text = b"".join(path.read_bytes() for path in events)
    for tag in (b"self_paced/v", b"self_paced/lambda", b"blurred_restored_sharp", b"epoch_psnr"):
        assert tag in text


def psnr_of_blurred(pairs):
    """Mean PSNR of the blurred halves, dB, by hand."""
    halves = [sorted((pairs / half).glob("*.png")) for half in ("blur", "sharp")]
    images = [[cv2.imread(str(path)).astype("float64") for path in half] for half in halves]
    squares = [np.mean((b - s) ** 2) for b, s in zip(*images, strict=True)]
    return np.mean(10 * np.log10(255**2 / np.array(squares)))


def test_history_keeps_validation_that_comes_later(pairs, tmp_path, monkeypatch):
    split = {"data__validation_only": ("000",), "data__train_exclude": ("000",)}
    config = tiny(pairs, run__validate_every=2, run__epochs=3, run__backup_minutes=0.0, **split)
    with monkeypatch.context() as patch:
        stop_after(patch, 7)  # after the validated second epoch; the resumed one starts a file anew
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path, verbose=0)
    runs.train(config, tmp_path, resume=True, verbose=0)
    head, *rows = (line.split(",") for line in (tmp_path / "history.csv").read_text().splitlines())
    assert [len(row) for row in rows] == [len(head)] * 3
    psnr = [row[head.index("val_psnr")] for row in rows]
    assert psnr[0] == "NA" and all(float(value) > 10 for value in psnr[1:])


def test_a_run_is_not_overwritten_nor_mixed(pairs, tmp_path):
    config = tiny(pairs, run__epochs=1)
    runs.train(config, tmp_path, verbose=0)
    with pytest.raises(InvalidInput, match="must be a new folder, or come with --resume"):
        runs.train(config, tmp_path, verbose=0)
    other = override(config, {"data.batch": 1})
    with pytest.raises(InvalidInput, match="data.batch: 2 then, 1 now"):
        runs.train(other, tmp_path, resume=True, verbose=0)
    moved = write_pairs(tmp_path / "other_pairs", first=20)
    with pytest.raises(DataError, match="their contents have changed"):
        runs.train(override(config, {"data.train": str(moved)}), tmp_path, resume=True, verbose=0)


def test_validation_pairs_are_never_trained_on(pairs, tmp_path):
    with pytest.raises(DataError, match="2 pairs are in training and in validation"):
        runs.train(tiny(pairs, data__validation_only=("000", "001")), tmp_path, verbose=0)
    config = tiny(pairs, data__validation_only=("000", "001"), data__train_exclude=("000", "001"))
    data = runs.open_data(config)
    assert (list(data.train.names), list(data.validation.names)) == (["002", "003"], ["000", "001"])


def test_nan_ends_the_run_and_spares_the_backup(pairs, tmp_path, trainers):
    config = tiny(pairs, run__backup_minutes=0.0)
    absurd = dataclasses.replace(config.optimizer, learning_rate=1e30)  # no setting may be that
    config = dataclasses.replace(config, optimizer=absurd)
    with pytest.raises(NotConverged, match="The loss became .* lower `optimizer.learning_rate`"):
        runs.train(config, tmp_path, verbose=0)
    restored = runs.build_trainer(config, 9)
    runs.restore_backup(restored, tmp_path / "backup")
    # The loss that was seen at the last backup was still a number.
    position = runs.restore_backup(restored, tmp_path / "backup")
    assert position.step >= 1


@pytest.mark.parametrize("at", [1, 2])
def test_weights_that_are_no_numbers_are_never_saved(pairs, tmp_path, monkeypatch, at):
    """Of an epoch's only step, whose loss was still one; after an epoch that went well."""

    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch + 1

        def on_train_batch_end(self, batch, logs=None):
            if self.epoch == at:
                self.model.network.weights[0].assign(self.model.network.weights[0] * np.nan)

    callbacks = runs._callbacks
    monkeypatch.setattr(runs, "_callbacks", lambda *a, **k: [Spoil(), *callbacks(*a, **k)])
    config = tiny(pairs, run__epochs=2, run__steps_per_epoch=1, run__backup_minutes=0.0)
    with pytest.raises(NotConverged, match="Weights became NaN or infinite at step 1 of this"):
        runs.train(config, tmp_path, verbose=0)
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "running"
    assert runs.newest_position(tmp_path / "backup") == runs.Position(at - 1, 0)
    for name in ("generator.keras", "last.keras"):
        assert (tmp_path / name).is_file() == (at == 2)
        if at == 2:
            kept = keras.saving.load_model(tmp_path / name).get_weights()
            assert all(np.isfinite(weights).all() for weights in kept)


def test_batch_must_fit_the_replicas(pairs, tmp_path, monkeypatch):
    class Three:
        num_replicas_in_sync = 3

    monkeypatch.setattr(runs, "choose_strategy", lambda name: Three())
    with pytest.raises(InvalidInput, match="multiple of the 3 replicas. Received: data.batch=2"):
        runs.train(tiny(pairs), tmp_path, verbose=0)


def test_a_crop_that_does_not_fit_leaves_no_run_behind(pairs, tmp_path):
    with pytest.raises(DataError, match="512"):
        runs.train(tiny(pairs, data__crop=512), tmp_path, verbose=0)
    assert list(tmp_path.iterdir()) == []  # so the corrected command is taken
