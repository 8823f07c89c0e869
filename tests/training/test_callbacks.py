"""Callbacks: rows of the history, means of validation, the network that is kept."""

import csv
import json
import types

import keras
import numpy as np
import pytest

from tfdeblur.training.callbacks import History, RunProgress, Validate
from tfdeblur.training.keep import KeepNetwork


def write(path, rows):
    """A process of a run: `rows` are epoch and logs."""
    history = History(path, ["val_psnr"])
    history.set_model(keras.Model())
    history.on_train_begin()
    for epoch, logs in rows:
        history.on_epoch_end(epoch, logs)
    history.on_train_end()


def test_history_keeps_its_columns_when_a_resumed_epoch_has_nothing_left_to_train(tmp_path):
    path = tmp_path / "history.csv"
    write(path, [(0, {"loss": 3.0, "content": 1.0})])
    write(path, [(1, {"val_psnr": 20.0}), (2, {"loss": 2.0, "content": 0.5, "val_psnr": 21.0})])
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [row["loss"] for row in rows] == ["3.0", "NA", "2.0"]
    assert [row["content"] for row in rows] == ["1.0", "NA", "0.5"]
    assert [row["val_psnr"] for row in rows] == ["NA", "20.0", "21.0"]


def test_the_time_left_is_told_while_the_first_epoch_runs(monkeypatch):
    now, lines = [0.0], []
    monkeypatch.setattr("tfdeblur.training.callbacks.time.monotonic", lambda: now[0])
    progress = RunProgress(lines.append)
    progress.set_params({"epochs": 2, "steps": 100})
    progress.on_train_begin()
    for epoch in range(2):
        progress.on_epoch_begin(epoch)
        for batch in range(100):
            done_before = (epoch, batch) < (0, 10)
            now[0] += 0.0 if done_before else 1000.0 if (epoch, batch) == (0, 10) else 20.0
            progress.on_train_batch_end(batch, {} if done_before else {"loss": 1.0})
        progress.on_epoch_end(epoch)
    assert lines == [  # after steps 11, 12, 13 that were counted: 86 and 100 are left, 20 s each
        "  about 1 h 02 min left in this run, without validation",
        "  about 51 min left in this run",  # 100 steps as the 90 of this process, not 100
    ]


class Measured:
    """Stands for a trainer: gives the numbers it was made with, one frame after the other."""

    stage = "only"

    def __init__(self, values):
        self.values = iter(values)

    def frame_metrics(self, frames):
        return {"psnr": frames}


def validated(*values):
    validate = Validate([np.array([value]) for value in values], len(values))
    validate.set_model(Measured(values))
    validate.set_params({"epochs": 1})
    logs = {}
    validate.on_epoch_end(0, logs)
    return logs["val_psnr"]


def test_a_frame_that_equals_its_target_does_not_drown_the_others(caplog):
    caplog.set_level("INFO", logger="tfdeblur")
    assert validated(20.0, np.inf, 30.0) == 25.0
    assert "val_psnr: 1 of 3 frames are infinite, left out" in caplog.text
    assert validated(np.inf, np.inf) == np.inf
    assert np.isnan(validated(20.0, np.nan))


def kept(folder, scores):
    """Which epochs' networks were kept, and the facts beside the last of them."""
    model = types.SimpleNamespace(network_to_keep=lambda: Saved(), networks_beside=dict)
    epochs = []
    for epoch, score in enumerate(scores):
        # A new process each time: what was best is read from the file.
        keep = KeepNetwork(folder / "generator.keras")
        keep.set_model(model)
        keep.on_epoch_end(epoch, {"val_psnr": score})
        text = (folder / "generator.json").read_text()
        facts = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        epochs.append(facts["epoch"])
    return epochs, facts


class Saved:
    """A network that only writes a file."""

    def save(self, path):
        path.write_bytes(b"network")


@pytest.mark.parametrize("first", [np.inf, np.nan, -np.inf])
def test_an_epoch_without_a_finite_score_does_not_stay_the_best(tmp_path, first):
    epochs, facts = kept(tmp_path, [first, 20.0, 19.0, np.inf, 21.0])
    assert epochs == [1, 2, 2, 2, 5] and facts["val_psnr"] == 21.0


def test_facts_beside_the_network_are_json(tmp_path):
    _, facts = kept(tmp_path, [np.inf])
    assert facts == {"epoch": 1, "val_psnr": "inf"}
