"""Backups of a running training: written whole or not at all, at any step.

`keras.callbacks.BackupAndRestore` writes in place, so a kill in that moment leaves neither the
old state nor the new one, and it starts again at epochs only. This one writes a folder beside
and renames it, and stores the step inside the epoch.
"""

import json
import logging
import os
import shutil
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from tfdeblur.errors import DataError

logger = logging.getLogger(__name__)

_WEIGHTS = "trainer.weights.h5"
_POSITION = "position.json"
_MEANS = "means.npy"
_KEPT = 2  # the newest, and one more should a disk fault have eaten that


@dataclass(frozen=True)
class Position:
    """How far a run is: `epoch` epochs are complete, and `step` steps of the next one.

    `means` is the state of the running means over those steps; empty where it was not saved.
    """

    epoch: int = 0
    step: int = 0
    means: tuple[float, ...] = field(default=(), compare=False)


def newest_position(folder):
    """`Position` of the newest backup whose position can be read; the start if there is none.

    Raises:
        DataError: if there are backups, and none of them can be read.
    """
    return _newest(folder, _read_position)


def restore_backup(trainer, folder):
    """Loads the newest backup into a compiled trainer.

    Args:
        trainer: compiled `keras.Model`, all optimizers built.
        folder: where `Backup` wrote.

    Returns:
        `Position` to go on from; the start if there is no backup.

    Raises:
        DataError: if no backup in the folder can be read.
    """

    def restore(path):
        position = _read_position(path)
        trainer.load_weights(path / _WEIGHTS)
        return position

    return _newest(folder, restore)


def _newest(folder, read):
    """What `read` makes of the newest backup that it can read."""
    faults = []
    for path in sorted(Path(folder).glob("step-*"), reverse=True):
        try:
            return read(path)
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("Backup %s cannot be read (%s); trying an older one.", path, error)
            faults.append(f"{path.name}: {error}")
    if faults:
        raise DataError(
            f"No backup in {folder} can be read. Put a copy of it back, or start a new run folder, "
            f"which may begin with what this one has learnt: --run NEW --init "
            f"{Path(folder).parent}. Faults: {'; '.join(faults)}"
        )
    return Position()


def _read_position(path):
    values = json.loads((path / _POSITION).read_text())
    numbers = values.values() if isinstance(values, dict) else ()
    if set(values) != {"epoch", "step"} or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError(
            f"{_POSITION} must hold the whole numbers epoch and step. Received: {values!r:.200}"
        )
    means = path / _MEANS  # backups of earlier versions have none
    found = np.load(means, allow_pickle=False).ravel().tolist() if means.is_file() else ()
    return Position(**values, means=tuple(found))


def finite_weights(model):
    """Whether all weights that a model learns are numbers; self-paced state need not be."""
    return all(
        bool(np.isfinite(np.asarray(keras.ops.convert_to_numpy(one), "float32")).all())
        for one in model.trainable_weights
    )


class Backup(keras.callbacks.Callback):
    """Saves weights, optimizers and position at the end of each epoch and every few minutes.

    Put it last: it must see the raw weights, and the self-paced state after its epoch ended.

    Args:
        folder: path, receives `step-NNNNNNNNN/` folders; the last two are kept.
        steps_per_epoch: int.
        minutes: float, time between backups inside an epoch; 0 means after every step.
        interrupt: `threading.Event` or None; once set, the current step is saved and
            KeyboardInterrupt raised.
        offset: int, what the steps that are done are more than `steps_per_epoch` makes of them,
            where earlier epochs had other numbers of steps.
    """

    def __init__(self, folder, steps_per_epoch, minutes=5.0, interrupt=None, offset=0):
        super().__init__()
        self.folder = Path(folder)
        self.steps_per_epoch = steps_per_epoch
        self.offset = offset
        self.seconds = 60.0 * minutes
        self.interrupt = interrupt
        self._epoch = 0
        self._saved_at = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Saves if it is time, at the epoch's last step (validation may be long), or if asked."""
        if not logs:  # a step that was done before the restart
            return
        interrupted = self.interrupt is not None and self.interrupt.is_set()
        due = time.monotonic() - self._saved_at >= self.seconds
        due = due or self.model.wants_backup
        wanted = interrupted or due or batch + 1 == self.steps_per_epoch
        # Not over a good one: without it the next step ends the run, its loss being no number.
        if wanted and finite_weights(self.model):
            self.save(Position(self._epoch, batch + 1))
        if interrupted:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        """Saves the complete epoch."""
        self.save(Position(epoch + 1, 0))

    def save(self, position):
        """Writes one backup and removes those it makes superfluous."""
        # An epoch's last step and its end are two states: the second letter orders them.
        number = self.offset + position.epoch * self.steps_per_epoch + position.step
        part = "b" if position.step == 0 else "a"
        target = self.folder / f"step-{number:09d}{part}"
        beside = self.folder / f".new-{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        self.model.save_weights(beside / _WEIGHTS)
        # Of several replicas: what all of them hold together.
        variables = self.model.metrics_variables
        means = [float(keras.ops.convert_to_numpy(variable)) for variable in variables]
        np.save(beside / _MEANS, np.array(means))
        position = {"epoch": position.epoch, "step": position.step}
        (beside / _POSITION).write_text(json.dumps(position))
        for path in beside.iterdir():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        os.replace(beside, target)
        for old in sorted(self.folder.glob("step-*"), reverse=True)[_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        self._saved_at = time.monotonic()


class GracefulInterrupt:
    """While active, the first Ctrl-C or SIGTERM sets `event`; the second one interrupts at once.

    Where `begun` is False there is no step whose end could be waited for, and nothing to save: the
    first one interrupts at once as well, even while the first step is compiled.

    Signals reach Python's main thread only: elsewhere it does nothing.
    """

    def __init__(self):
        self.event = threading.Event()
        self.begun = True
        self._earlier = {}

    def __enter__(self):
        """Takes over the signals."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._earlier[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exception):
        """Gives the signals back."""
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _on_signal(self, number, frame):
        if self.event.is_set() or not self.begun:
            raise KeyboardInterrupt
        self.event.set()
        logger.info("\nStopping after this step; once more to stop at once.")
