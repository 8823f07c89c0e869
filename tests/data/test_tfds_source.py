import sys

import numpy as np
import pytest

from tests.data.makers import image, write_pairs
from tfdeblur.data import (
    Augment,
    FolderSource,
    TfdsSource,
    find_pairs,
    open_source,
    training_batches,
)
from tfdeblur.data.flow_sources import open_flow_source
from tfdeblur.data.opening import looks_like_a_path
from tfdeblur.errors import DataError

tfds = pytest.importorskip("tensorflow_datasets")


def prepare(folder, name, examples, keys=("blur", "sharp"), with_names=True):
    """Stores examples {split: {name: (blurred, sharp)}} as a TFDS data set."""
    picture = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
    features = {key: picture for key in keys}
    if with_names:
        features["name"] = tfds.features.Text()
    rows = {
        split: [
            (n, dict(zip(keys, pair, strict=True)) | ({"name": n} if with_names else {}))
            for n, pair in pairs.items()
        ]
        for split, pairs in examples.items()
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets=rows,
        data_dir=folder,
        disable_shuffling=True,
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    train = write_pairs(folder / "pngs", [f"v{i % 2}-{i}" for i in range(5)])
    test = {"t": (image(9, 10, 50), image(9, 10, 51))}
    prepare(folder, "tiny_pairs", {"train": train, "test": test})
    return folder, train


def test_records_are_read_at_random(prepared):
    folder, pixels = prepared
    pairs = TfdsSource("tiny_pairs", "train", folder)
    assert sorted(pairs.names) == sorted(pixels) and pairs.count == 5
    np.testing.assert_array_equal(pairs.sizes, [[12, 16]] * 5)
    for index in (3, 0, 4):
        np.testing.assert_array_equal(pairs.load(index), pixels[pairs.names[index]])
    assert "5 pairs of tiny_pairs/1.0.0 train" == pairs.describe()


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_the_stream_is_that_of_the_same_pairs_in_a_folder(prepared, cache_bytes):
    folder, _ = prepared
    stored = TfdsSource("tiny_pairs", "train", folder, cache_bytes=cache_bytes)
    by_name = {pair.name: pair for pair in find_pairs(folder / "pngs")}
    files = FolderSource([by_name[name] for name in stored.names])
    arguments = {"augment": Augment(8), "batch": 2, "seed": 1, "start": 3, "stop": 15}
    first = list(training_batches(stored, **arguments))
    second = list(training_batches(files, **arguments))
    assert len(first) == len(second) == 6
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_splits_and_patterns(prepared):
    folder, _ = prepared
    assert TfdsSource("tiny_pairs", "test", folder).names == ["t"]
    assert TfdsSource("tiny_pairs", None, folder).count == 6
    whole = TfdsSource("tiny_pairs", "train", folder).names
    assert TfdsSource("tiny_pairs", "train[1:3]", folder).names == whole[1:3]
    assert set(TfdsSource("tiny_pairs", "train", folder, only=["v1*"]).names) == {"v1-1", "v1-3"}
    with pytest.raises(DataError, match=r"no pairs after `only`.*only=\['x'\].*5 pairs"):
        TfdsSource("tiny_pairs", "train", folder, only=["x"])
    with pytest.raises(DataError, match=r"`split` must be one of \['test', 'train'\].*split='val'"):
        TfdsSource("tiny_pairs", "val", folder)


def test_fingerprint_follows_the_content(prepared, tmp_path):
    folder, pixels = prepared
    changed = {n: (b, 255 - s) for n, (b, s) in pixels.items()}
    prepare(tmp_path / "same", "tiny_pairs", {"train": pixels})
    prepare(tmp_path / "other", "tiny_pairs", {"train": changed})
    first, same, other = (
        TfdsSource("tiny_pairs", "train", f).fingerprint
        for f in (folder, tmp_path / "same", tmp_path / "other")
    )
    assert first == same != other


def test_without_names_and_with_the_other_feature_names(tmp_path):
    pixels = {"a": (image(4, 4, 0), image(4, 4, 1)), "b": (image(4, 4, 2), image(4, 4, 3))}
    prepare(tmp_path, "plain", {"train": pixels}, keys=("blurred", "sharp"), with_names=False)
    pairs = TfdsSource("plain", "train", tmp_path)
    assert pairs.names == ["000000", "000001"]
    assert {pairs.load(i).tobytes() for i in range(2)} == {
        np.stack(pair).tobytes() for pair in pixels.values()
    }


def test_faults_are_named(prepared, tmp_path):
    prepare(tmp_path, "unequal", {"train": {"odd": (image(4, 4), image(4, 5))}})
    with pytest.raises(DataError, match=r"not ready for use, 1 problem:\n  odd .*sizes"):
        TfdsSource("unequal", "train", tmp_path)
    prepare(tmp_path, "single", {"train": {"a": (image(4, 4), image(4, 4))}}, ("a", "b"))
    with pytest.raises(DataError, match=r"must have the features blur.*\['a', 'b', 'name'\]"):
        TfdsSource("single", "train", tmp_path)


def test_a_cut_file_is_named(prepared, tmp_path):
    prepare(tmp_path, "cut", {"train": {"a": (image(4, 4), image(4, 4))}})
    (file,) = tmp_path.glob("cut/1.0.0/*.tfrecord*")
    file.write_bytes(file.read_bytes()[:-6])
    with pytest.raises(DataError, match=r"tfrecord.* is cut off\. Prepare the data set again\."):
        TfdsSource("cut", "train", tmp_path)


def test_open_source_takes_a_name_unless_a_folder_has_it(prepared, tmp_path, monkeypatch):
    folder, _ = prepared
    assert isinstance(open_source("tiny_pairs", "train", data_dir=folder), TfdsSource)
    write_pairs(tmp_path / "tiny_pairs", ["a"])
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_source("tiny_pairs", "train", data_dir=folder), FolderSource)


@pytest.mark.parametrize("name", ["no_such_set", "no/such"])
def test_what_is_neither_says_what_was_tried(name):
    with pytest.raises(DataError) as caught:
        open_source(name, "train")
    text = str(caught.value)
    assert "There is no such folder" in text and f"TFDS cannot open {name!r}" in text
    assert len(text) < 600  # TFDS's own text lists all data sets of the world


def test_not_prepared(tmp_path):
    with pytest.raises(DataError, match=r"mnist is not prepared in .*download_and_prepare\(\)"):
        TfdsSource("mnist", "train", tmp_path)


def test_without_tfds_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DataError, match=r"no such folder.*pip install tfdeblur\[data\]"):
        open_source("gopro_large/blur", "train")


@pytest.mark.parametrize(
    ("name", "installed", "is_path"),
    [
        *(("pairz/", True, True), ("./pairz", True, True), ("~/pairz", True, True)),
        *(("/data/pairz", True, True), ("a/b/c", True, True), ("pairs.csv", True, True)),
        *(("pairz", False, False), ("gopro_large/blur", False, False)),
        *(("image_pairs:1.0.0", False, False), ("gopro_large/blur:1.*.*", False, False)),
        *(("pairz/train", False, True), ("pairz/train", True, False)),
    ],
)
def test_what_looks_like_a_path_is_not_looked_for_in_tfds(name, installed, is_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda module: object() if installed else None)
    assert looks_like_a_path(name) == is_path


@pytest.mark.parametrize("open_it", [open_source, open_flow_source])
def test_of_a_folder_that_is_missing_nobody_is_sent_to_tfds(open_it, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"data='pairz/'. There is no such folder") as caught:
        open_it("pairz/")
    assert str(tmp_path / "pairz") in str(caught.value) and "TFDS" not in str(caught.value)
