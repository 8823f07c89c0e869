"""Callbacks of a run: NaN, validation, pictures, self-paced histogram, progress."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from tfdeblur.errors import NotConverged
from tfdeblur.image.atomic import write_atomically
from tfdeblur.training.backup import finite_weights
from tfdeblur.training.panel_picture import panel_picture

logger = logging.getLogger("tfdeblur")


class StopOnNaN(keras.callbacks.Callback):
    """Ends the run with an error at the first loss that is no number, or with such weights.

    A loss is of the weights before its step, so that those of an epoch's last step are looked at
    themselves, before a backup or a network is saved. Not `keras.callbacks.TerminateOnNaN`, which
    ends the epoch in good order, backup included.
    """

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss, at an epoch's last step at the weights."""
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(float(loss)):
            raise self._stopped(f"The loss became {float(loss)}", batch)
        if logs and batch + 1 == self.params.get("steps") and not finite_weights(self.model):
            raise self._stopped("Weights became NaN or infinite", batch)

    def _stopped(self, what, batch):
        return NotConverged(
            f"{what} at step {batch + 1} of this epoch. The last backup "
            "is from before. Go on from it with --resume and a lower `optimizer.learning_rate` "
            "or `optimizer.clip_norm=1`, or start a new run with these."
        )


class WithAveragedWeights(keras.callbacks.Callback):
    """Runs callbacks at the end of an epoch while the averaged (EMA) weights are in the model.

    `SwapEMAWeights(swap_on_epoch=True)` would leave them there until the next epoch begins, and
    a backup written in between would take them for the raw ones.

    Args:
        callbacks: list of callbacks; only their `on_epoch_end` is used.
        averaged: bool, whether the optimizer keeps an EMA.
    """

    def __init__(self, callbacks, averaged):
        super().__init__()
        self.callbacks = callbacks
        self.swap = keras.callbacks.SwapEMAWeights() if averaged else None

    def set_model(self, model):
        """Hands the model on."""
        super().set_model(model)
        for callback in [*self.callbacks, *([self.swap] if self.swap else [])]:
            callback.set_model(model)

    def set_params(self, params):
        """Hands the parameters on."""
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def on_epoch_end(self, epoch, logs=None):
        """Swaps, runs the callbacks, swaps back."""
        if self.swap is not None:
            self.swap.on_test_begin()
        try:
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, logs)
        finally:
            if self.swap is not None:
                self.swap.on_test_end()


class Validate(keras.callbacks.Callback):
    """Adds the trainer's `frame_metrics` to the epoch's logs as `val_NAME`, means over images.

    Not `fit(validation_data=...)`: frames come one at a time, as their sizes differ, and a
    distribution strategy cannot share one frame among replicas.

    Args:
        images: dataset of what `frame_metrics` takes, one image at a time.
        count: int, how many there are.
        every: int >= 1, epochs between validations; the last epoch is always validated.
        interrupt: `threading.Event`; once set, validation stops with KeyboardInterrupt.
        verbose: bool, whether to show a progress bar.
    """

    def __init__(self, images, count, every=1, interrupt=None, verbose=False):
        super().__init__()
        self.images, self.count, self.every = images, count, every
        self.interrupt = interrupt
        self.verbose = verbose

    def set_model(self, model):
        """Forgets what was compiled for another one."""
        super().set_model(model)
        self._measures = {}

    def on_epoch_end(self, epoch, logs=None):
        """Measures all frames."""
        if (epoch + 1) % self.every and epoch + 1 != self.params["epochs"]:
            return
        bar = keras.utils.Progbar(self.count, verbose=int(self.verbose), unit_name="frame")
        # Compiled once for each stage of the training.
        measure = self._measures.setdefault(
            self.model.stage, tf.function(self.model.frame_metrics, reduce_retracing=True)
        )
        values = {}
        for done, frames in enumerate(self.images, 1):
            for name, value in measure(frames).items():
                values.setdefault(name, []).append(float(value[0]))
            if self.verbose:
                bar.update(done)
            if self.interrupt is not None and self.interrupt.is_set():
                raise KeyboardInterrupt
        logs.update({f"val_{name}": self._mean(name, value) for name, value in values.items()})

    def _mean(self, name, values):
        """Without infinite ones: a frame that equals its target has such a PSNR."""
        values = np.asarray(values)
        finite = values[~np.isinf(values)]
        if 0 < finite.size < values.size:
            equal = values.size - finite.size
            logger.info("val_%s: %d of %d frames are infinite, left out", name, equal, values.size)
        return float(np.mean(finite if finite.size else values))


class SelfPacedProgress(keras.callbacks.Callback):
    """Ends the self-paced epoch and writes lambda and the histogram of v to TensorBoard.

    Args:
        log_dir: path of the event files; None writes none.
    """

    def __init__(self, log_dir=None):
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(log_dir)) if log_dir else None

    def on_epoch_end(self, epoch, logs=None):
        """Logs lambda and v of this epoch, then lets the state advance (algorithm 1, line 10)."""
        state = self.model.self_paced
        if state is None:
            return
        if self.writer is not None:
            counts = keras.ops.convert_to_numpy(state.v_histogram).astype(int)
            centres = (np.arange(len(counts)) + 0.5) / len(counts)
            with self.writer.as_default(step=epoch):
                tf.summary.histogram(
                    "self_paced/v", np.repeat(centres, counts), buckets=len(counts)
                )
                tf.summary.scalar("self_paced/lambda", float(keras.ops.convert_to_numpy(state.lam)))
            self.writer.flush()
        state.advance()


Draw = Callable[[keras.Model], np.ndarray]


class Panels(keras.callbacks.Callback):
    """Writes strips of pictures of a fixed set of crops, as PNG and for TensorBoard.

    Args:
        draw: called with the trainer, returns float32 `(n, height, width, 3)` in [0, 1].
        name: str, of the pictures in TensorBoard.
        folder: path, receives `epoch-NNNN.png`.
        log_dir: path of TensorBoard's event files.
        every: int >= 1, epochs between pictures.
    """

    def __init__(self, draw, name, folder, log_dir, every=1):
        super().__init__()
        self.draw, self.name = draw, name
        self.folder = Path(folder)
        self.writer = tf.summary.create_file_writer(str(log_dir))
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        """Draws with the weights in the model (EMA, if they are swapped in)."""
        if (epoch + 1) % self.every and epoch + 1 != self.params["epochs"]:
            return
        strips = self.draw(self.model)
        with self.writer.as_default(step=epoch):
            tf.summary.image(self.name, strips, max_outputs=len(strips))
        self.writer.flush()
        picture = panel_picture(np.asarray(strips), self.name)
        encoded = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1]
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / f"epoch-{epoch + 1:04d}.png", encoded.tobytes())


class EnterEpoch(keras.callbacks.Callback):
    """Tells the trainer which epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        """Hands the number on."""
        self.model.enter_epoch(epoch)


class History(keras.callbacks.CSVLogger):
    """A row per epoch, with the same columns in every process that continues the run.

    Keras takes the columns from the first epoch it sees: if that one is not validated it makes up
    names for validation's columns, and what is measured later is lost.

    Args:
        path: path of the `.csv` file, appended to.
        measures: iterable of str, what validation adds, "val_psnr" say; NA where not measured.
    """

    def __init__(self, path, measures=()):
        super().__init__(str(path), append=True)
        self.measures = tuple(measures)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the row; where all steps were done before a restart, with their means."""
        logs = dict(logs or {})
        means = getattr(self.model, "epoch_means", dict)()
        if not logs.keys() & means.keys():
            logs.update(means)
        if self.keys is None:
            self.keys = self._columns_before() or sorted({*logs, *self.measures})
        super().on_epoch_end(epoch, logs)

    def _columns_before(self):
        """Columns of the rows that are there: an epoch resumed at its very end logs no losses."""
        with open(self.filename, encoding="utf-8") as rows:
            return rows.readline().strip().split(",")[1:]


class RunProgress(keras.callbacks.Callback):
    """Adds an estimate of the time left in the whole run to the end of each epoch's line.

    Epochs may take hours: in the first one of a process it is told once from its steps alone.

    Args:
        log: is given each line.
        show_bar: whether a bar stands on the line that is written to.
    """

    _SECONDS_OF_A_PACE = 60

    def __init__(self, log, show_bar=False):
        super().__init__()
        self.log = log
        self._new_line = "\n" if show_bar else ""
        self._first_step = None  # its number and when it ended: compiling it is no pace
        self._is_told = False

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self._started = time.monotonic()
        self._steps = 0  # of this process: an epoch that it went on with was not all its own

    def on_epoch_begin(self, epoch, logs=None):
        """Notes which epoch runs."""
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Tells the time left once; steps that were done before a restart log nothing."""
        self._steps += bool(logs)
        if self._is_told or not logs:
            return
        now = time.monotonic()
        if self._first_step is None:
            self._first_step = batch, now
        step, start = self._first_step
        if now - start >= self._SECONDS_OF_A_PACE and batch > step:
            self._is_told = True
            of_this = self.params["steps"] - batch - 1
            steps = of_this + (self.params["epochs"] - self._epoch - 1) * self.params["steps"]
            self._tell(
                self._new_line, steps * (now - start) / (batch - step), ", without validation"
            )

    def on_epoch_end(self, epoch, logs=None):
        """Tells epochs done and time left, from the mean pace of this process."""
        self._is_told = True
        if self._steps:
            steps = (self.params["epochs"] - epoch - 1) * self.params["steps"]
            self._tell("", steps * (time.monotonic() - self._started) / self._steps)

    def _tell(self, before, left, remark=""):
        if left > 0:
            hours, minutes = divmod(round(left / 60), 60)
            about = f"about {hours} h {minutes:02d} min" if hours else f"about {minutes} min"
            about = about if hours or minutes else "less than a minute"
            self.log(f"{before}  {about} left in this run{remark}")
