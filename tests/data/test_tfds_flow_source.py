"""Flows from TFDS: the same images, flows and crops as from the files they were made of."""

import numpy as np
import pytest

from tests.data.makers import image, write
from tfdeblur.data import Augment, FolderSource
from tfdeblur.data.flow_folder import FlowFolder
from tfdeblur.data.flow_pairs import flow_batches, flow_images
from tfdeblur.data.flow_sources import holds_photographs, open_flow_source
from tfdeblur.data.tfds_flow_source import TfdsFlowSource
from tfdeblur.errors import DataError
from tfdeblur.image.flow_files import write_flow
from tfdeblur.operators import canonical_flow

tfds = pytest.importorskip("tensorflow_datasets")

SIZES = {"c": (30, 24), "a": (24, 28), "b": (26, 26)}


def examples():
    for i, (name, size) in enumerate(SIZES.items()):
        flow = np.random.default_rng(i).normal(0, 5, (*size, 2)).round().astype("float32")
        yield name, {"blurred": image(*size, 2 * i), "sharp": image(*size, 2 * i + 1), "flow": flow}


def prepare(folder, rows, shape=(None, None, 2), encoding="zlib", name="tiny"):
    picture = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
    flow = tfds.features.Tensor(shape=shape, dtype=np.float32, encoding=encoding)
    features = {"blurred": picture, "sharp": picture, "flow": flow, "name": tfds.features.Text()}
    rows = [(key, {"name": key, **example}) for key, example in rows]
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": rows, "test": rows[:1]},
        data_dir=folder,
        disable_shuffling=True,
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The same examples as a TFDS data set and as files."""
    folder = tmp_path_factory.mktemp("flows")
    prepare(folder, examples())
    for name, example in examples():
        write(folder / "pairs" / "blur" / f"{name}.png", example["blurred"])
        write(folder / "pairs" / "sharp" / f"{name}.png", example["sharp"])
        (folder / "pairs" / "flow").mkdir(exist_ok=True)
        write_flow(folder / "pairs" / "flow" / f"{name}.npz", example["flow"])
    return folder


def test_records_are_read_at_random(prepared):
    source = open_flow_source("tiny", "train", data_dir=prepared)
    assert isinstance(source, TfdsFlowSource) and not source.can_turn
    assert source.describe() == "3 pairs of tiny/1.0.0 train with their flows"
    stored = dict(examples())
    for index in (2, 0, 1):
        blurred, flow = source.load_labelled(index)
        example = stored[source.names[index]]
        np.testing.assert_array_equal(blurred, example["blurred"])
        np.testing.assert_array_equal(flow, canonical_flow(example["flow"]))
        assert flow.dtype == np.float32 and tuple(source.sizes[index]) == flow.shape[:2]
    assert open_flow_source("tiny", "test", only=["c"], data_dir=prepared).names == ["c"]


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_the_stream_is_that_of_the_same_files(prepared, cache_bytes):
    stored = TfdsFlowSource("tiny", "train", prepared, cache_bytes=cache_bytes)
    files = FlowFolder(prepared / "pairs")
    order = [files.names.index(name) for name in stored.names]
    FolderSource.__init__(files, [files.pairs[i] for i in order])
    files.flows = [files.flows[i] for i in order]
    arguments = {"augment": Augment(16), "batch": 2, "seed": 1, "start": 3, "stop": 11}
    streams = [list(flow_batches(source, **arguments)) for source in (stored, files)]
    assert len(streams[0]) == 4
    frames = [list(flow_images(source)) for source in (stored, files)]
    for first, second in (streams, frames):
        for a, b in zip(first, second, strict=True):
            for x, y in zip(a, b, strict=True):
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("encoding", ["bytes", "none"])
def test_other_encodings(tmp_path, encoding):
    (name, example), *_ = examples()
    prepare(tmp_path, [(name, example)], (None, *example["flow"].shape[1:]), encoding)
    _, flow = TfdsFlowSource("tiny", "train", tmp_path).load_labelled(0)
    np.testing.assert_array_equal(flow, canonical_flow(example["flow"]))


def test_what_cannot_be_used_is_named(prepared, tmp_path):
    from tests.data.test_tfds_source import prepare as prepare_pairs

    prepare_pairs(tmp_path, "pairs_only", {"train": {"a": (image(4, 4), image(4, 4))}})
    with pytest.raises(DataError, match=r"features blur \(or blurred\), flow and sharp.*'name'"):
        open_flow_source("pairs_only", "train", data_dir=tmp_path)
    rows = [(name, {**x, "flow": x["flow"][1:]}) for name, x in examples()]
    prepare(tmp_path, rows, name="cut")
    with pytest.raises(DataError, match="c: the image is 24 x 30 pixels, its flow 24 x 29"):
        TfdsFlowSource("cut", "train", tmp_path).load_labelled(0)
    prepare(
        tmp_path, [("a", {**rows[0][1], "flow": np.zeros((4, 4, 3), "f")})], (4, 4, 3), name="three"
    )
    with pytest.raises(DataError, match=r"must have the shape \(height, width, 2\).*\(4, 4, 3\)"):
        TfdsFlowSource("three", "train", tmp_path)
    with pytest.raises(DataError, match=r"There is no such folder .*TFDS cannot open 'no_such'"):
        open_flow_source("no_such")


def test_pairs_without_flows_are_not_taken_for_photographs(tmp_path):
    folder = write(tmp_path / "test" / "blur" / "a.png", image(40, 40)).parents[2]
    write(folder / "test" / "sharp" / "a.png", image(40, 40, 1))
    with pytest.raises(
        DataError, match=r"pairs without flows: there is no .*test/flow.*test/sharp"
    ):
        open_flow_source(str(folder))
    photographs = folder / "test" / "sharp"
    assert open_flow_source(str(photographs)).names == ["a"]
    assert holds_photographs(str(photographs)) and not holds_photographs("tiny")
