"""Callback that keeps a run's network: the best one, or the last."""

import json
import os
from pathlib import Path

import keras
import numpy as np

from tfdeblur.image.atomic import write_atomically


class KeepNetwork(keras.callbacks.Callback):
    """Saves the network alone: the best so far, or the newest where nothing is validated.

    `keras.callbacks.ModelCheckpoint` writes in place; a kill in that moment would lose the best
    network of the run. This writes beside and renames, and remembers the best over restarts.

    Args:
        path: path of the `.keras` file; `PATH.json` beside it holds epoch and metrics.
        monitor: str, log that must rise; where it is missing from the logs nothing is saved,
            unless `always`.
        lower_is_better: bool, the log must fall instead.
        always: bool, save at the end of every epoch, whatever the logs say.
        beside: bool, save with it, in the same folder, what the trainer's `networks_beside` gives.
    """

    def __init__(self, path, monitor="val_psnr", lower_is_better=False, always=False, beside=False):
        super().__init__()
        self.path = Path(path)
        self.facts = self.path.with_suffix(".json")
        self.monitor = monitor
        self.sign = -1.0 if lower_is_better else 1.0
        self.always = always
        self.beside = beside
        facts = json.loads(self.facts.read_text()) if self.facts.is_file() else {}
        self.best = self._score(facts)

    def on_epoch_end(self, epoch, logs=None):
        """Saves if this epoch is the best."""
        score = self._score(logs or {})
        if not (self.always or score > self.best or not self.path.is_file()):
            return
        self.best = score
        networks = {self.path.name: self.model.network_to_keep()}
        if self.beside:
            networks.update(self.model.networks_beside())
        new = {}
        for name, network in networks.items():
            path = self.path.with_name(name)
            new[path] = path.with_name(f".{path.stem}-{os.getpid()}.keras")
            network.save(new[path])
        for path, written in new.items():  # all are written before one takes its place
            os.replace(written, path)
        facts = {"epoch": epoch + 1, **{k: _json_number(v) for k, v in (logs or {}).items()}}
        text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
        write_atomically(self.facts, text.encode())

    def _score(self, logs):
        """Larger is better; what is not finite was never the best, or nothing would replace it."""
        value = float(logs.get(self.monitor, "nan"))
        return self.sign * value if np.isfinite(value) else -np.inf


def _json_number(value):
    """`value`, or "inf", "-inf", "nan": JSON has no such numbers."""
    return float(value) if np.isfinite(value) else str(float(value))
