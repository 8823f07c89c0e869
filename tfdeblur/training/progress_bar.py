"""Keras's progress bar, no wider than the terminal.

Keras moves back to the beginning of a line: of one that has wrapped, only the last part is written
over, and each update leaves a line behind.
"""

import shutil
from collections.abc import Mapping
from typing import Any

import keras

_BESIDE_STEPS = 41  # columns of the bar, the time left and the time of a step
_OF_A_METRIC = 14  # columns beside its name: " - name: -1.2345e-04"


class FittingBar(keras.callbacks.ProgbarLogger):
    """Shows the loss while an epoch runs, and of the other metrics those that fit beside it.

    The line that ends the epoch has all of them.
    """

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Updates the bar."""
        given = logs or {}
        room = shutil.get_terminal_size().columns - 1 - _BESIDE_STEPS
        room -= 2 * len(str(self.target or ""))
        shown = {}
        for name in sorted(given, key=lambda name: name != "loss"):
            room -= len(name) + _OF_A_METRIC
            if room < 0:
                break
            shown[name] = given[name]
        super().on_train_batch_end(batch, shown)
