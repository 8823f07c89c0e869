import csv

import keras

from tfdeblur.training.callbacks import History


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
