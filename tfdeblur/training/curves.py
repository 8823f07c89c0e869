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
from tfdeblur.record import read_record

logger = logging.getLogger(__name__)

RATE = "learning_rate"
_SHARES = ("v",)  # between 0 and 1: a panel of their own
_TOTAL = "loss"
_SMALL = 0.1  # of the largest loss: a smaller one beside it would be a flat line


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
        curves = read_curves(self.folder / "history.csv")
        picture = draw_curves(with_blurred(curves, self.folder))
        data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes()
        try:
            write_atomically(self.folder / "curves.png", data)
        except DataError as error:
            logger.warning("%s", error)


def with_blurred(curves, folder):
    """Adds what the blurred validation images measure, a level line: above it is gained."""
    try:
        facts = read_record(folder)["data"]
    except (DataError, KeyError, TypeError):
        return curves  # an older run, or none
    for named in curves.values():
        for name, points in list(named.items()):
            value = facts.get(f"blurred_{name.removeprefix('val_')}")
            if value is not None and name.startswith("val_"):
                ends = sorted({points[0][0], points[-1][0]}) if points else []
                named["blurred"] = [(epoch, value) for epoch in ends]
    return curves


def read_curves(path):
    """The columns of a history, sorted into panels.

    Args:
        path: of the `.csv` file.

    Returns:
        dict: title -> dict: name -> list of `(epoch, value)`, epochs from 1. Losses of one size
        together, each measure of validation and the rate by itself. What equals the total loss is
        left out, and v where it weighs all samples alike.
    """
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {
        name: [
            (int(row["epoch"]) + 1, number)
            for row in rows
            if (number := _number(row[name])) is not None
        ]
        for name in (rows[0] if rows else {})
        if name != "epoch"
    }
    losses = {name: points for name, points in columns.items() if _is_loss(name)}
    largest = max((_size(points) for points in losses.values()), default=0.0)
    curves = {}
    for name, points in columns.items():
        title = name.replace("_", " ")
        if name.startswith("val_"):
            title = f"validation: {title[4:]}{', dB' if name == 'val_psnr' else ''}"
        elif name in _SHARES:
            if all(value == 1.0 for _, value in points):
                continue
            title = "v: weight of the samples, self-paced"
        elif _is_loss(name):
            if name != _TOTAL and points == losses.get(_TOTAL):
                continue
            small = _size(points) < _SMALL * largest
            title = f"training: {title}" if small else "training: losses"
        curves.setdefault(title, {})[name] = points
    order = sorted(curves, key=lambda title: not title.startswith("training"))
    return {title: curves[title] for title in order}


def _is_loss(name):
    return name != RATE and name not in _SHARES and not name.startswith("val_")


def _size(points):
    return max((abs(value) for _, value in points), default=0.0)


def _number(text):
    """The value of a cell; None where nothing was measured ("NA") or it is no number."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None
