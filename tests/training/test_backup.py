import json

import keras
import numpy as np
import pytest

from tfdeblur.errors import DataError
from tfdeblur.training import backup as backups
from tfdeblur.training.backup import Backup, Position, newest_position, restore_backup


def model_of(value):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    model.set_weights([np.full((2, 1), value, "float32")])
    return model


def saved(folder, value, position):
    callback = Backup(folder, steps_per_epoch=5)
    callback.set_model(model_of(value))
    callback.save(position)
    return callback


def test_newest_wins_and_two_are_kept(tmp_path):
    for epoch, step in [(0, 4), (0, 5), (1, 0), (1, 2)]:
        saved(tmp_path, epoch * 5 + step, Position(epoch, step))
    assert len(list(tmp_path.iterdir())) == 2
    model = model_of(0.0)
    assert restore_backup(model, tmp_path) == Position(1, 2)
    np.testing.assert_array_equal(model.get_weights()[0], np.full((2, 1), 7.0))


def test_end_of_epoch_comes_after_its_last_step(tmp_path):
    saved(tmp_path, 2.0, Position(1, 0))
    saved(tmp_path, 1.0, Position(0, 5))  # in whatever order they were written
    assert restore_backup(model_of(0.0), tmp_path) == Position(1, 0)


def test_nothing_saved_is_the_start(tmp_path):
    assert restore_backup(model_of(0.0), tmp_path / "none") == Position(0, 0)


def test_a_kill_while_writing_leaves_the_older_one(tmp_path, monkeypatch):
    saved(tmp_path, 1.0, Position(0, 1))

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(backups.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        saved(tmp_path, 2.0, Position(0, 2))
    monkeypatch.undo()
    assert restore_backup(model_of(0.0), tmp_path) == Position(0, 1)


def test_a_damaged_one_is_passed_over(tmp_path, caplog):
    saved(tmp_path, 1.0, Position(0, 1))
    saved(tmp_path, 2.0, Position(0, 2))
    weights = tmp_path / "step-000000002a" / "trainer.weights.h5"
    weights.write_bytes(weights.read_bytes()[:100])
    model = model_of(0.0)
    assert restore_backup(model, tmp_path) == Position(0, 1)
    assert "cannot be read" in caplog.text
    (tmp_path / "step-000000001a" / "position.json").write_text(json.dumps({"epoch": 0, "row": 1}))
    with pytest.raises(DataError, match="No backup in .* can be read"):
        restore_backup(model, tmp_path)


@pytest.mark.parametrize(
    "text", ['{"epoch": "1", "step": 0}', '{"epoch": 1.0, "step": 0}', "[1, 0]", "7", "{", "null"]
)
def test_a_position_that_is_none_is_passed_over(tmp_path, caplog, text):
    saved(tmp_path, 1.0, Position(0, 1))
    saved(tmp_path, 2.0, Position(0, 2))
    (tmp_path / "step-000000002a" / "position.json").write_text(text)
    for found in (newest_position(tmp_path), restore_backup(model_of(0.0), tmp_path)):
        assert found == Position(0, 1)
    assert "step-000000002a cannot be read" in caplog.text
    (tmp_path / "step-000000001a" / "position.json").write_text(text)
    for read in (newest_position, lambda folder: restore_backup(model_of(0.0), folder)):
        with pytest.raises(DataError, match="step-000000001a: "):
            read(tmp_path)
