"""Small pairs and configurations for tests of training."""

import cv2
import numpy as np

from tests.helpers import picture
from tfdeblur.config import override
from tfdeblur.presets import preset


def write_pairs(folder, count=4, height=48, width=64, first=0):
    """`count` pairs, the blurred image a box blur of the sharp one; returns `folder`."""
    for name in ("blur", "sharp"):
        (folder / name).mkdir(parents=True)
    for i in range(first, first + count):
        grain = 0.1 * np.random.default_rng(i).random((height, width, 3))
        sharp = (255 * np.clip(picture(height, width, seed=i) + grain, 0, 1)).astype("uint8")
        cv2.imwrite(str(folder / "sharp" / f"{i:03d}.png"), sharp)
        cv2.imwrite(str(folder / "blur" / f"{i:03d}.png"), cv2.blur(sharp, (5, 1)))
    return folder


def tiny(data, **settings):
    """A configuration that trains in seconds; settings by dotted name with `__` for the dot."""
    base = {
        "data.train": str(data),
        "data.crop": 16,
        "data.batch": 2,
        "network.width": 0.125,
        "network.critic_width": 0.0625,
        "network.norm": "group",
        "loss.scheme": "1-S",
        "loss.normalise_pace": False,  # the paper's weights
        "optimizer.learning_rate": 1e-3,
        "optimizer.ema": 0.0,
        "optimizer.warmup_steps": 0,
        "run.precision": "float32",
        "run.epochs": 3,
        "run.steps_per_epoch": 3,
        "run.panel_every": 0,
    }
    given = {name.replace("__", "."): value for name, value in settings.items()}
    return override(preset("small"), {**base, **given})
