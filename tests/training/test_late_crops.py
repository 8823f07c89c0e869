"""Crops that grow late in a run: where they do, what is told of it, and that it resumes."""

import json

import numpy as np
import pytest

from tests.training.makers import tiny, write_pairs
from tests.training.test_run import assert_close, history, keep_trainers, stop_after
from tfdeblur.config import TrainConfig, override
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.training import run as runs
from tfdeblur.training.plan import Plan
from tfdeblur.training.sources import open_data
from tfdeblur.training.tasks import task_of

LATE = {"data__crop_late": 32, "data__crop_late_from": 0.5}  # 9 steps: from step 4 on


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"))


def samples(config, start, late, count):
    stream = task_of(config).batches(config, open_data(config).train, start, late)
    return [np.stack(batch) for batch in stream.take(count).as_numpy_iterator()]


def test_sample_k_is_a_pure_function_of_k(pairs):
    config = tiny(pairs, **LATE)
    whole = samples(config, 0, 8, 9)
    assert [batch.shape[2] for batch in whole] == [16] * 4 + [32] * 5
    for first in (3, 4, 6):
        for one, other in zip(whole[first:], samples(config, 2 * first, 8, 9 - first), strict=True):
            np.testing.assert_array_equal(one, other)
    small = samples(tiny(pairs), 0, 0, 4)
    np.testing.assert_array_equal(small, whole[:4])


@pytest.fixture(scope="module")
def whole(pairs, tmp_path_factory):
    """An uninterrupted run: configuration, trainer, folder."""
    config, folder = tiny(pairs, run__backup_minutes=0.0, **LATE), tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        built = keep_trainers(patch)
        runs.train(config, folder, verbose=0)
    return config, built[0], folder


# Stopped before the crops grow, and after.
@pytest.mark.parametrize("stop", [3, 6])
def test_resumed_equals_uninterrupted(whole, tmp_path, monkeypatch, stop):
    config, uninterrupted, folder = whole
    with monkeypatch.context() as patch:
        stop_after(patch, stop)
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path, verbose=0)
    built = keep_trainers(monkeypatch)
    runs.train(config, tmp_path, resume=True, verbose=0)
    assert built[0].optimizer.iterations == 9
    assert_close(uninterrupted.variables, built[0].variables)
    for name, values in history(tmp_path).items():
        np.testing.assert_allclose(values, history(folder)[name], rtol=2e-3)


def test_the_record_tells(whole):
    record = json.loads((whole[2] / "run.json").read_text())
    assert record["crop_late_step"] == 4 and record["config"]["data"]["crop_late"] == 32


def test_a_run_may_be_told_later_that_its_crops_grow(pairs, tmp_path):
    runs.train(tiny(pairs, run__epochs=1), tmp_path, verbose=0)
    config = tiny(pairs, run__epochs=2, **LATE)
    record = runs.train(config, tmp_path, resume=True, verbose=0)
    changed = record["history"][0]["changed"]
    assert changed["data.crop_late"] == {"from": 0, "to": 32} and record["crop_late_step"] == 3


def test_the_step_follows_the_whole_run():
    config = override(TrainConfig(), {"data.crop_late": 320, "data.crop_late_from": 0.75})
    assert Plan(4, ((0, 10),)).late(config) == 30
    assert Plan(4, ((0, 10),)).late(TrainConfig()) is None


def test_crops_that_do_not_fit_are_named_before_the_run(pairs, tmp_path):
    with pytest.raises(DataError, match="crop=64"):
        runs.train(tiny(pairs, data__crop_late=64), tmp_path, verbose=0)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data.crop_late": 128}, "a multiple of 16 above data.crop=256. Received.*late=128"),
        ({"data.crop_late": 300}, "data.crop_late=300"),
        ({"data.crop_late": 320, "model": "rpgan"}, "`data.crop_late` must be 0 for RP-GAN"),
        ({"data.crop_late": 288, "model": "maxim"}, "a multiple of 64"),
        ({"data.crop_late_from": 1}, "`data.crop_late_from` must be between 0 and 1"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InvalidInput, match=message):
        override(TrainConfig(), settings)
