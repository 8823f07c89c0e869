"""The bar of a training run: within the terminal, whatever there is to show."""

import re

import keras
import numpy as np
import pytest

from tfdeblur.training.progress_bar import FittingBar


class Many(keras.callbacks.Callback):
    """Adds metrics to those of the model."""

    def on_train_batch_end(self, batch, logs=None):
        logs.update({"content": 1.0, "pixel": 2e-7, "penalty": -3e-7, "v": 1.0})


@pytest.mark.parametrize("columns", [70, 80, 120, 300])
def test_no_line_of_a_running_epoch_is_wider_than_the_terminal(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile("sgd", "mse")
    data = np.zeros((4000, 1), np.float32)
    callbacks = [Many(), FittingBar()]
    network.fit(data, data, batch_size=2, epochs=1, verbose=1, callbacks=callbacks)
    text = re.sub(r"\x1b\[\d*m|\x08", "", capsys.readouterr().out)
    *running, last = [line for line in text.split("\r") if "/2000 " in line]
    assert running and max(len(line.rstrip("\n")) for line in running) < columns
    assert all("loss: " in line for line in running)
    assert ("v: 1.0" in running[-1]) == (columns == 300)
    assert "loss: " in last and last.endswith("\n")


def test_keras_takes_it_in_the_place_of_its_own():
    listed = keras.callbacks.CallbackList([FittingBar()], add_progbar=True)
    bars = [one for one in listed.callbacks if isinstance(one, keras.callbacks.ProgbarLogger)]
    assert len(bars) == 1
