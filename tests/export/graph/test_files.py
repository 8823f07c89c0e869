"""The folder that an export leaves: versions, and nothing half-written."""

import errno
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from export import export_model
from export.graph import saved_model
from export.graph.manifest import MANIFEST
from export.graph.warmup import WARMUP_FILE
from tests.export.helpers import Scale
from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.networks import RPGANGenerator


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    export_model(Scale(), root, name="scale", warmup=[(48, 64), (30, 20)], max_pixels=5000)
    return root


@pytest.fixture
def unchecked(monkeypatch):
    """Exports that are not loaded again: that has its own tests, and takes its time."""
    monkeypatch.setattr(saved_model, "check_version", lambda *_: None)


def files_of(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_files(root):
    assert files_of(root) == [
        *("README.md", "batching_parameters.txt", "docker-compose.yml"),
        *("models.config", "monitoring.config"),
        f"scale/1/{WARMUP_FILE}",
        f"scale/1/{MANIFEST}",
        *("scale/1/fingerprint.pb", "scale/1/saved_model.pb"),
        *("scale/1/variables/variables.data-00000-of-00001", "scale/1/variables/variables.index"),
    ]


def test_manifest(root):
    found = json.loads((root / "scale" / "1" / MANIFEST).read_text())
    assert found["kind"] == "restorer" and found["networks"] == {"network": {"class": "Scale"}}
    assert found["max_pixels"] == 5000 and found["size_multiples"] == {"network": 4}
    assert found["parameters"] == 1 and found["weights_bytes"] == 4
    assert len(found["weights_sha256"]) == 64
    assert found["warmup"] == [{"height": 48, "width": 64}, {"height": 30, "width": 20}]
    assert found["signatures"]["serving_uint8"] == {
        "inputs": {"image_u8": {"dtype": "uint8", "shape": [None, None, None, 3]}},
        "outputs": {"restored_u8": {"dtype": "uint8", "shape": [None, None, None, 3]}},
    }
    assert found["versions"]["tensorflow"] == tf.__version__


def test_warmup_records_are_requests_that_the_model_takes(root):
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = root / "scale" / "1" / WARMUP_FILE
    assert path.stat().st_size < 2000
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in tf.data.TFRecordDataset(str(path))
    ]
    assert {request.model_spec.name for request in requests} == {"scale"}
    seen = []
    for request in requests:
        ((name, proto),) = request.inputs.items()
        value = tf.make_ndarray(proto)
        if name == "image_bytes":
            value = tf.io.decode_png(value[0]).numpy()[None]
        assert value.dtype == (np.float32 if name == "image" else np.uint8)
        assert np.unique(value).size == 1 and 0 < value.max() < 200
        seen.append((request.model_spec.signature_name, name, value.shape))
    inputs = {"default": "image", "uint8": "image_u8", "bytes": "image_bytes"}
    shapes = [(1, 48, 64, 3), (1, 30, 20, 3)]
    wanted = {(f"serving_{key}", name, s) for key, name in inputs.items() for s in shapes}
    assert len(seen) == 6 and set(seen) == wanted


def test_versions_count_on_and_are_not_overwritten(tmp_path, unchecked):
    base = tmp_path / "deblur"
    assert export_model(Scale(), tmp_path) == base / "1"
    (base / "00000007").mkdir()
    (base / "12").write_text("a file whose name is a number is a version to servers, too")
    (base / "100x").mkdir()
    assert export_model(Scale(), tmp_path) == base / "13"
    assert export_model(Scale(), tmp_path, version=5) == base / "5"
    before = files_of(tmp_path)
    for taken in (1, 7, 12, 13):
        with pytest.raises(InvalidInput, match=f"version={taken}. The next free one is 14"):
            export_model(Scale(), tmp_path, version=taken)
    assert files_of(tmp_path) == before


def test_another_export_was_quicker(tmp_path, unchecked, monkeypatch):
    base = tmp_path / "deblur"

    def quicker(folder):
        (base / "1" / "variables").mkdir(parents=True)
        monkeypatch.setattr(saved_model, "_flush", lambda folder: None)

    monkeypatch.setattr(saved_model, "_flush", quicker)
    assert export_model(Scale(), tmp_path) == base / "2"
    assert files_of(base / "2") and not files_of(base / "1")


def test_leftovers_of_killed_exports_go_when_they_are_old(tmp_path, unchecked):
    base = tmp_path / "deblur"
    for name in (".tmp-1-1", ".tmp-2-2"):
        (base / name).mkdir(parents=True)
    os.utime(base / ".tmp-1-1", (0, 0))
    export_model(Scale(), tmp_path)
    assert sorted(p.name for p in base.iterdir()) == [".tmp-2-2", "1"]


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "where, error",
    [
        ("export.graph.saved_model.tf.saved_model.save", FULL),
        (
            "export.graph.saved_model.tf.saved_model.save",
            tf.errors.ResourceExhaustedError(None, None, "No space left on device"),
        ),
        ("export.graph.saved_model.write_warmup", FULL),
        ("export.graph.saved_model.to_bytes", FULL),
        ("export.graph.saved_model.os.fsync", FULL),
        ("export.graph.saved_model.os.rename", FULL),
    ],
)
def test_a_full_disk_leaves_nothing(tmp_path, unchecked, monkeypatch, where, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(where, fail)
    with pytest.raises(DataError, match="(?i)cannot be written: no space left on device") as caught:
        export_model(Scale(), tmp_path, warmup=[(8, 8)])
    assert caught.value.exit_code == 4
    assert files_of(tmp_path) == [] and [p.name for p in tmp_path.iterdir()] == ["deblur"]
    assert list((tmp_path / "deblur").iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TfdeblurError("not what it must be")])
def test_what_is_stopped_or_fails_its_check_leaves_nothing(tmp_path, monkeypatch, error):
    def stop(*_):
        raise error

    monkeypatch.setattr(saved_model, "check_version", stop)
    with pytest.raises(type(error)):
        export_model(Scale(), tmp_path, fixed_tile=160)
    assert files_of(tmp_path) == []


class Untracked(Scale):
    """Uses a weight that it does not list."""

    def __init__(self):
        super().__init__()
        self.hidden = tf.Variable(1.0)

    def __call__(self, image, training):
        return image * self.hidden


BAD = {
    "no model": (dict(model=None), "`model` must be a Restorer"),
    "no such preset": (dict(model="sharpest"), "No model 'sharpest'"),
    "part of RP-GAN": (
        dict(model=lambda: RPGANGenerator(width=0.06, norm="none")),
        "does not restore RGB images by itself",
    ),
    "hidden weight": (dict(model=Untracked), "lists all its weights"),
    "empty name": (dict(name=""), "`name` must begin with a letter"),
    "path": (dict(name="../deblur"), "`name` must begin with a letter"),
    "number": (dict(name="7"), "`name` must begin with a letter"),
    "hidden": (dict(name=".deblur"), "`name` must begin with a letter"),
    "version 0": (dict(version=0), "`version` must be a whole number >= 1"),
    "version True": (dict(version=True), "`version` must be a whole number >= 1"),
    "version 1.0": (dict(version=1.0), "`version` must be a whole number >= 1"),
    "no pixels": (dict(max_pixels=0), "`max_pixels` must be a whole number from 1"),
    "too many pixels": (dict(max_pixels=2**31), "`max_pixels` must be a whole number from 1"),
    "one number": (dict(warmup=[64]), "`warmup` must be sizes"),
    "empty size": (dict(warmup=[(0, 64)]), "`warmup` must be sizes"),
    "large size": (
        dict(warmup=[(101, 100)], max_pixels=10_000),
        "`max_pixels` must be at least 10400 for `warmup` of 101x100, as sizes count padded to",
    ),
    "no room": (dict(max_pixels=863), "at least 864 for the self-check of 21x34"),
    "many sizes": (dict(warmup=[(8, 8)] * 334), "at most 333 sizes"),
    "small tile": (dict(fixed_tile=128), "`fixed_tile` must be a multiple of 32"),
    "odd tile": (dict(fixed_tile=161), "`fixed_tile` must be a multiple of 32"),
    "large tile": (dict(fixed_tile=192, max_pixels=30_000), "`fixed_tile` must be"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(tmp_path, unchecked, case):
    arguments, message = BAD[case]
    arguments = {"model": Scale, **arguments}
    make = arguments.pop("model")
    with pytest.raises(InvalidInput, match=message):
        export_model(make() if callable(make) else make, tmp_path, **arguments)
    assert files_of(tmp_path) == []
