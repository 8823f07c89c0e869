"""SEN's stacks learn one after the other; runs of them resume, also over the change."""

import json

import cv2
import keras
import numpy as np
import pytest

from tests.helpers import noise
from tests.training.test_run import StopAfter, keep_trainers
from tfdeblur.config import override
from tfdeblur.data.flow_pairs import best_constant_flow, flow_images
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.networks import SEN
from tfdeblur.presets import preset
from tfdeblur.training import flow_sources
from tfdeblur.training import run as runs
from tfdeblur.training.build import build_trainer
from tfdeblur.training.callbacks import EnterEpoch
from tfdeblur.training.flow_sources import open_flow_sources
from tfdeblur.training.sen import MEASURES, SENTrainer


def write_photographs(folder, count=3, height=74, width=80, first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        pixels = np.random.default_rng(i).integers(0, 256, (height, width, 3), np.uint8)
        cv2.imwrite(str(folder / f"p{i}.png"), cv2.blur(pixels, (3, 3)))
    return folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = write_photographs(tmp_path_factory.mktemp("photographs"))
    return write_photographs(folder, 1, 80, 74, first=3)  # sizes differ


def tiny(data="x", **settings):
    base = {
        "data.train": str(data),
        "data.crop": 64,
        "data.batch": 2,
        "data.blur_extent": 5,
        "network.width": 0.03,
        "loss.flow": "l2",
        "optimizer.warmup_steps": 0,
        "run.precision": "float32",
        "run.epochs": 3,
        "run.steps_per_epoch": 2,
        "run.panel_every": 0,
        "sen.further_part": 0.4,
    }
    given = {name.replace("__", "."): value for name, value in settings.items()}
    return override(preset("sen-small"), {**base, **given})


def batch(seed=0):
    """Stripes that lie the way they move."""
    flow = np.zeros((2, 64, 64, 2), "float32")
    flow[0, ..., 0], flow[1, ..., 1] = 6, 6
    stripes = noise(64, seed=seed)
    image = np.stack([np.tile(stripes[:, None], 64), np.tile(stripes, (64, 1))])
    return np.repeat(0.5 + 0.2 * image[..., None], 3, -1).astype("float32"), flow


class Recorder(keras.callbacks.Callback):
    """Losses of the steps and weights of the stacks, moving statistics as well, by epoch."""

    def __init__(self):
        super().__init__()
        self.losses, self.weights = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.losses.append([])
        self.weights.append([s.get_weights() for s in self.model.network.estimators])

    def on_train_batch_end(self, batch, logs):
        # The log is the mean so far.
        self.losses[-1].append((batch + 1) * logs["loss"] - sum(self.losses[-1]))

    def on_train_end(self, logs=None):
        self.weights.append([s.get_weights() for s in self.model.network.estimators])


def test_each_stack_learns_while_the_others_do_not_move():
    rates = {"optimizer__learning_rate": 1e-2, "sen__further_rate": 1e-2}
    trainer = build_trainer(tiny(run__epochs=2, optimizer__schedule="constant", **rates), 6)
    recorder, steps = Recorder(), 30
    # Compiled, and the stack changes within one call of `fit`, as in a run.
    trainer.fit(
        *(np.tile(x, (steps, 1, 1, 1)) for x in batch()), batch_size=2, shuffle=False, epochs=2,
        callbacks=[EnterEpoch(), recorder], verbose=0,
    )  # fmt: skip
    for stage in range(2):
        first, *_, last = recorder.losses[stage]
        assert last < 0.5 * first
        for i in range(2):
            before, after = (recorder.weights[stage + k][i] for k in range(2))
            moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
            assert all(moved) if i == stage else not any(moved), f"stack {i} at stage {stage}"
    assert [int(optimizer.iterations) for optimizer in trainer.stack_optimizers] == [steps] * 2


def test_schedules_are_those_of_the_paper():
    config = override(preset("sen-paper"), {"network.width": 0.02})
    first, second = build_trainer(config, 105 * 625).stack_optimizers

    def rate(optimizer, epoch):
        optimizer.iterations.assign(epoch * 625)
        return float(optimizer.learning_rate)

    assert config.sen.epochs(105) == (90, 15)
    expected = {0: 1.25e-3, 50: 1.25e-3, 70: (1.25e-3 + 1.25e-5) / 2, 90: 1.25e-5}
    assert {e: pytest.approx(rate(first, e), rel=1e-4) for e in expected} == expected
    assert all(rate(second, e) == pytest.approx(1.25e-5) for e in (0, 14))
    for optimizer in (first, second):
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.9, 0.99, 1e-8)
    assert (config.data.batch, config.data.crop, config.loss.flow) == (16, 256, "l2")


@pytest.fixture(scope="module")
def untrained():
    """Not to be trained; tests say which stack they look at."""
    return build_trainer(tiny(), 6)


def test_whole_frames_are_measured_on_canonical_flows(untrained):
    trainer = untrained
    trainer.enter_epoch(0)
    blurred, flow = noise(1, 70, 50, 3), 4 * noise(1, 70, 50, 2)
    given = trainer.frame_metrics((blurred, flow))
    assert set(given) == set(MEASURES)
    for name, value in trainer.frame_metrics((blurred, -flow)).items():
        np.testing.assert_allclose(value, given[name], rtol=1e-5)
    size = 128, 64
    inside = blurred[:, : size[0], : size[1]]
    assert trainer(np.pad(inside, ((0, 0), (0, 58), (0, 14), (0, 0)))).shape == (1, *size, 2)


def test_what_is_kept_has_the_stacks_that_have_learned(untrained, tmp_path):
    trainer, image = untrained, noise(1, 64, 64, 3)
    for epoch, stacks in ((0, 1), (2, 2)):
        trainer.enter_epoch(epoch)
        trainer.network_to_keep().save(tmp_path / "sen.keras")
        kept = keras.saving.load_model(tmp_path / "sen.keras")
        assert isinstance(kept, SEN) and kept.stacks == stacks
        np.testing.assert_allclose(kept(image), trainer(image), atol=1e-5)


def keep_eager_trainers(patch):
    """As `keep_trainers`; steps run uncompiled: compiling takes longer than the few there are."""
    built = keep_trainers(patch)
    build = runs.build_trainer

    def keep(*arguments):
        trainer = build(*arguments)
        trainer.run_eagerly = True
        return trainer

    patch.setattr(runs, "build_trainer", keep)
    return built


@pytest.fixture(scope="module")
def whole(photographs, tmp_path_factory):
    """An uninterrupted run of one epoch of the first stack and one of the second."""
    folder = tmp_path_factory.mktemp("whole")
    config = tiny(
        photographs,
        data__validation_only=("p[03]",), data__train_exclude=("p[03]",),
        run__panel_every=2, run__epochs=2,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        built = keep_eager_trainers(patch)
        runs.train(config, folder, verbose=0)
    return config, built[0], folder


# 2 epochs of 2 steps: killed at the last step of the first stack; inside; in the second stack.
@pytest.mark.parametrize(
    "stop", [2, pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_resumed_equals_uninterrupted(whole, tmp_path, monkeypatch, stop):
    config, expected, _ = whole
    quiet = {"data.validation_only": (), "run.panel_every": 0}
    config = override(config, {**quiet, "run.backup_minutes": 5.0 if stop == 2 else 0.0})
    built = keep_eager_trainers(monkeypatch)
    callbacks = runs._callbacks
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_callbacks", lambda *a, **k: [*callbacks(*a, **k), StopAfter(stop)])
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path, verbose=0)
    runs.train(config, tmp_path, resume=True, verbose=0)
    resumed = built[-1]
    assert [int(o.iterations) for o in resumed.stack_optimizers] == [2, 2]
    ours = [resumed, *resumed.stack_optimizers]
    theirs = [expected, *expected.stack_optimizers]
    for a, b in zip(ours, theirs, strict=True):
        for x, y in zip(a.variables, b.variables, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=2e-5, err_msg=x.path)


def test_run_folder_tells_what_was_done(whole):
    config, trainer, folder = whole
    record = json.loads((folder / "run.json").read_text())
    assert record["state"] == "done" and record["config"]["model"] == "sen"
    assert record["data"]["validation_names"] == ["p0", "p3"]
    images = flow_images(runs.open_data(config).validation)
    assert record["data"]["constant_flow_mse"] == pytest.approx(best_constant_flow(images)[1])
    head, *rows = (line.split(",") for line in (folder / "history.csv").read_text().splitlines())
    errors = [float(row[head.index("val_flow_mse")]) for row in rows]
    assert len(errors) == 2 and "val_end_point_error" in head
    facts = json.loads((folder / "sen.json").read_text())
    assert facts["val_flow_mse"] == pytest.approx(min(errors))  # the lowest, not the highest
    assert facts["epoch"] == 1 + errors.index(min(errors))
    kept = keras.saving.load_model(folder / "sen.keras")
    assert kept.stacks == (2 if facts["epoch"] == 2 else 1)
    last = SENTrainer(keras.saving.load_model(folder / "last.keras"), (1, 1))
    last.enter_epoch(1)
    again = [float(last.frame_metrics(image)["flow_mse"][0]) for image in images]
    assert np.mean(again) == pytest.approx(errors[-1], rel=1e-3)
    picture = cv2.imread(str(folder / "panels" / "epoch-0002.png"))
    assert picture.shape == (2 * (36 + 280 + 8 + 280 + 8), 8 + 3 * (280 + 8), 3)
    events = b"".join(path.read_bytes() for path in (folder / "logs").rglob("events*"))
    assert b"blurred_estimated_true" in events and b"epoch_flow_mse" in events


def test_what_cannot_be_trained_on_is_named(photographs, tmp_path):
    with pytest.raises(DataError, match="1 pairs are in training and in validation"):
        runs.open_data(tiny(photographs, data__validation_only=("p0",)))
    with pytest.raises(DataError, match="There is no such folder"):
        runs.open_data(tiny(tmp_path / "none"))
    assert runs.open_data(tiny(photographs)).validation is None
    for settings, message in (
        ({"data__crop": 96}, "`data.crop` must be a multiple of 64 for SEN"),
        ({"optimizer__ema": 0.9}, "`optimizer.ema` must be 0 for SEN"),
        ({"run__epochs": 1}, "`run.epochs` must be enough for 2 stacks"),
    ):
        with pytest.raises(InvalidInput, match=message):
            tiny(photographs, **settings)
    with pytest.raises(InvalidInput, match="`epochs` must be 2 numbers"):
        SENTrainer(SEN(width=0.03), (1,))


def test_data_sets_are_trained_and_validated_on_by_their_usual_splits(photographs, monkeypatch):
    asked = []

    def opened(where, split, blur, *rest, **options):
        asked.append((where, split))
        return where

    monkeypatch.setattr(flow_sources, "open_flow_source", opened)
    data = {"data__validation": "other", "data__validation_split": "val"}
    for settings in ({}, data, {"data__train_split": "train[:9]"}):
        open_flow_sources(tiny("motion_flow/mscoco_23", **settings).data)
    assert open_flow_sources(tiny(photographs).data)[1] is None
    name = "motion_flow/mscoco_23"
    assert asked == [
        *((name, "train"), (name, "test")),
        *((name, "train"), ("other", "val")),
        *((name, "train[:9]"), (name, "test")),
        (str(photographs), None),
    ]
