"""Photographs blurred while training as in the world: the same each run, and in every use."""

from itertools import islice

import numpy as np
import pytest

from tests.data.makers import coordinates, image, source, write, write_pairs
from tests.training.makers import tiny
from tfdeblur.config import TrainConfig, override
from tfdeblur.data import Augment, evaluation_images, panel_pairs, training_batches
from tfdeblur.data.blind_pairs import blind_batches
from tfdeblur.data.dynamic_patch import LARGEST, blur_patch
from tfdeblur.data.dynamic_settings import DynamicBlur
from tfdeblur.data.dynamic_source import DynamicSource, open_dynamic
from tfdeblur.data.mixed_source import MixedSource
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.training.sources import open_data

SETTINGS = DynamicBlur(extent=8)
AUGMENT = Augment(crop=16, turns=True, permute_channels=True)


def photographs(folder, count=3, height=50, width=40, settings=SETTINGS, **options):
    for i in range(count):
        write(folder / f"p{i}.png", image(height, width, i))
    return open_dynamic(folder, settings, **options)


def batches(pairs, count=None, **options):
    arguments = {"augment": AUGMENT, "batch": 2, "seed": 5, **options}
    return list(islice(training_batches(pairs, **arguments).as_numpy_iterator(), count))


@pytest.fixture(scope="module", params=[1 << 30, 0], ids=["in memory", "decoded on access"])
def photos(request, tmp_path_factory):
    return photographs(tmp_path_factory.mktemp("photos"), cache_bytes=request.param)


def test_streams_repeat_resume_and_never_show_one_blur_twice(photos):
    first = batches(photos, 12)
    for again in (batches(photos, 12), batches(photos, 4, start=16)):
        for a, b in zip(first[-len(again) :], again, strict=True):
            np.testing.assert_array_equal(a, b)
    for blurred, sharp in first:
        assert blurred.shape == sharp.shape == (2, 16, 16, 3) and blurred.dtype == np.float32
        assert np.isfinite(blurred).all() and blurred.min() >= 0 and blurred.max() <= 1
    assert len({blurred.tobytes() for batch, _ in first for blurred in batch}) == 24
    other = batches(photos, 12, seed=6)
    assert not any(np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=True))
    blurred, sharp = (np.stack([batch[i] for batch in first]) for i in (0, 1))
    assert blurred.std() < 0.8 * sharp.std()


def test_a_sample_is_what_the_sheet_shows(photos):
    plain = Augment(crop=16, flips=False)
    sharp = {s.tobytes() for _, batch in batches(photos, 3, augment=plain) for s in batch}
    shown = {
        (photos.draw(i, 16, (5, k))[1] / np.float32(255)).tobytes()
        for i in range(3)
        for k in range(6)
    }
    assert sharp <= shown


def test_memory_and_files_give_the_same(tmp_path):
    memory, files = (photographs(tmp_path, cache_bytes=size) for size in (1 << 30, 0))
    assert type(memory.photographs.reader()) is not type(files.photographs.reader())
    for a, b in zip(batches(memory, 3), batches(files, 3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_place_of_a_photograph_is_seen(tmp_path):
    """The border only where there is no room for what is blurred into the patch."""
    write(tmp_path / "c.png", coordinates(20, 18))
    photos = open_dynamic(tmp_path, DynamicBlur(unblurred=0, bright=0, places=1))
    corners = set()
    for _, sharp in batches(photos, 40, augment=Augment(16, flips=False)):
        corners |= {tuple(int(x) for x in np.round(crop[0, 0, :2] * 255)) for crop in sharp}
    assert corners == {(i, j) for i in range(5) for j in range(3)}


def test_large_photographs_are_shrunk_when_they_are_read(tmp_path):
    write(tmp_path / "large.png", np.full((40, 3 * LARGEST, 3), 99, np.uint8))
    write(tmp_path / "small.png", image(40, 50))
    photos = open_dynamic(tmp_path, SETTINGS)
    np.testing.assert_array_equal(photos.sizes, [(13, LARGEST), (40, 50)])
    assert photos.photographs.load(0).shape == (1, 13, LARGEST, 3)
    np.testing.assert_array_equal(photos.photographs.load(1)[0], image(40, 50))
    assert photos.photographs.decoded_bytes == 3 * (13 * LARGEST + 40 * 50)
    with pytest.raises(DataError, match=f"crop=16.*\n  large: {LARGEST}x13"):
        batches(photos, 1)


def test_what_is_not_random(photos):
    panel = panel_pairs(photos, 2, 16)
    np.testing.assert_array_equal(panel, panel_pairs(photos, 2, 16))
    frames = [tuple(x.numpy() for x in pair) for pair in evaluation_images(photos)]
    assert [x.shape for x in frames[0]] == [(1, 50, 40, 3)] * 2
    expected = blur_patch(image(50, 40, 1), (50, 40), [1], SETTINGS)[0]
    np.testing.assert_array_equal(np.round(frames[1][0][0] * 255), expected)
    assert photos.fingerprint == photos.photographs.fingerprint
    assert "3 photographs" in photos.describe() and "1 to 9 pixels" in photos.describe()


def test_photographs_take_the_place_of_a_share_of_the_pairs(tmp_path):
    pairs = source(tmp_path / "pairs", 5, 20, 24)
    mixed = MixedSource(pairs, photographs(tmp_path / "photos"), 0.3)
    plain, both = (batches(x, 200, batch=1) for x in (pairs, mixed))
    replaced = [not np.array_equal(a[1], b[1]) for a, b in zip(plain, both, strict=True)]
    for (blurred, _), (other, _), new in zip(plain, both, replaced, strict=True):
        assert new or np.array_equal(blurred, other)
    assert 0.2 < np.mean(replaced) < 0.4
    for a, b in zip(batches(mixed, 5, batch=1, start=195), both[195:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_its_flow_is_not_known(photos):
    first = blind_batches(photos, augment=AUGMENT, batch=2, seed=0, known_flows=1.0)
    blurred, sharp, flow = next(first.as_numpy_iterator())
    assert blurred.shape == sharp.shape == (2, 16, 16, 3)
    assert flow.shape == (2, 16, 16, 2) and np.isnan(flow).all()


def test_a_run_opens_it_alone_and_beside_pairs(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        write(tmp_path / "photos" / name, image(64, 64))
    write_pairs(tmp_path / "pairs", ["x", "y"], 64, 64)
    photos = str(tmp_path / "photos")
    settings = {"data__blur": "dynamic", "dynamic__extent": 5, "dynamic__noise": 1}
    alone = open_data(tiny(photos, data__train_exclude=("b-*",), **settings))
    assert isinstance(alone.train, DynamicSource) and alone.validation is None
    assert alone.train.names == ["a-1", "a-2"]
    assert alone.train.settings == DynamicBlur(extent=5, noise=1)
    mixed = open_data(
        tiny(tmp_path / "pairs", data__blur_photos=photos, data__blur_share=0.5, **settings)
    ).train
    assert isinstance(mixed, MixedSource) and mixed.parts[1].count == 3
    with pytest.raises(DataError, match="is the blurred image of a pair"):
        open_dynamic(tmp_path / "pairs", SETTINGS)


def test_settings_of_a_run_are_named():
    config = override(TrainConfig(), {"dynamic.extent": "14", "dynamic.jpeg_least": "80"})
    assert config.dynamic == DynamicBlur(extent=14, jpeg_least=80)
    with pytest.raises(InvalidInput, match="`dynamic.half` must be from 0 to 1. Received"):
        override(TrainConfig(), {"dynamic.half": 2})
    with pytest.raises(InvalidInput, match="`data.blur` must be .* a flow for SEN"):
        override(TrainConfig(), {"model": "sen", "data.blur": "dynamic", "data.crop": 64})
