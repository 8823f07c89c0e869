"""Curves of a run: the rate among what is logged, and `curves.png` beside the history."""

import csv
import logging
from pathlib import Path

import cv2
import keras
import numpy as np

from tfdeblur.errors import DataError
from tfdeblur.image.atomic import write_atomically
from tfdeblur.pictures.curves import draw_curves

logger = logging.getLogger(__name__)

RATE = "learning_rate"
_SHARES = ("v",)  # between 0 and 1: a panel of their own


class Rate(keras.callbacks.Callback):
    """Adds the learning rate that an epoch ended with to its logs."""

    def on_epoch_end(self, epoch, logs=None):
        """Reads it from the schedule."""
        if logs is not None:
            rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            logs[RATE] = float(rate)


class Curves(keras.callbacks.Callback):
    """Draws `curves.png` after each epoch, of the whole history, also that of earlier processes.

    Args:
        folder: run folder, in which `callbacks.History` has written.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = Path(folder)

    def on_epoch_end(self, epoch, logs=None):
        """Draws; a full disk does not end the run here, as its backup will say so."""
        picture = draw_curves(read_curves(self.folder / "history.csv"))
        data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes()
        try:
            write_atomically(self.folder / "curves.png", data)
        except DataError as error:
            logger.warning("%s", error)


def read_curves(path):
    """The columns of a history, sorted into panels.

    Args:
        path: of the `.csv` file.

    Returns:
        dict: title -> dict: name -> list of `(epoch, value)`, epochs from 1. Losses together, each
        measure of validation and the rate by itself.
    """
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name != "epoch"]
    curves = {}
    for name in names:
        points = [
            (int(row["epoch"]) + 1, number)
            for row in rows
            if (number := _number(row[name])) is not None
        ]
        title = name.replace("_", " ")
        if name.startswith("val_"):
            title = f"validation: {title[4:]}{', dB' if name == 'val_psnr' else ''}"
        elif name in _SHARES:
            title = "v: weight of the samples, self-paced"
        elif name != RATE:
            title = "training: losses"
        curves.setdefault(title, {})[name] = points
    order = sorted(curves, key=lambda title: not title.startswith("training"))
    return {title: curves[title] for title in order}


def _number(text):
    """The value of a cell; None where nothing was measured ("NA") or it is no number."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None
