"""Blurred images with flows: the flow that comes along is the one that blurred."""

from itertools import islice

import numpy as np
import pytest
import tensorflow as tf

from tests.data.makers import image, write
from tfdeblur.data import Augment
from tfdeblur.data.blur_source import RandomBlur, open_photographs
from tfdeblur.data.flow_folder import FlowFolder, has_flows
from tfdeblur.data.flow_pairs import best_constant_flow, flow_batches, flow_images, flow_panel
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.flow_files import write_flow
from tfdeblur.operators import MotionBlur, canonical_flow

CROP = 24
FIRM = [RandomBlur(law, 9) for law in ("gong2018", "physical")]


def photographs(folder, blur=FIRM[0], count=3, height=56, width=48):
    for i in range(count):
        write(folder / f"p{i}.png", image(height, width, i))
    return open_photographs(folder, blur)


def pairs_with_flows(folder, count=2, size=40, suffix="npz"):
    """Noise, blurred exactly (not rounded to 8 bits but for the file) by a flow of every sign."""
    for i in range(count):
        sharp = image(size, size, i)
        flow = np.random.default_rng(i).uniform(-6, 6, (size, size, 2)).round().astype("float32")
        blurred = MotionBlur(flow).apply(sharp[np.newaxis].astype("float32"))[0]
        write(folder / "blur" / f"{i}.png", np.round(blurred).astype("uint8"))
        write(folder / "sharp" / f"{i}.png", sharp)
        (folder / "flow").mkdir(exist_ok=True)
        write_flow(folder / "flow" / f"{i}.{suffix}", flow)
    return folder


def batches(source, count, **options):
    arguments = {"augment": Augment(CROP), "batch": 2, "seed": 3, **options}
    return list(islice(flow_batches(source, **arguments).as_numpy_iterator(), count))


@pytest.mark.parametrize("blur", FIRM, ids=lambda blur: blur.law)
def test_the_flow_of_a_photograph_is_the_one_that_blurred_it(tmp_path, blur):
    """With flips, turns and channels: K(flow) of the sharp crop is the blurred crop inside."""
    reader = photographs(tmp_path, blur).labelled_reader()
    augment = Augment(CROP, flips=True, turns=True, permute_channels=True)
    inside = np.s_[5:-5, 5:-5]  # the lines of these pixels do not leave the crop
    for k in range(6):
        index, seed = tf.constant(k % 3, tf.int64), tf.constant([1, k], tf.int64)
        blurred, sharp, flow = reader._sample(index, CROP, seed, augment)
        assert np.abs(flow).max() > 1
        np.testing.assert_array_equal(flow, canonical_flow(flow))
        again = MotionBlur(flow).apply(tf.cast(sharp, "float32")[tf.newaxis])[0].numpy()
        assert np.abs(again - np.asarray(blurred, "float32"))[inside].max() < 0.501
        for a, b in zip(reader.labelled_window(index, seed, augment), (blurred, flow), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("suffix", ["npz", "flo"])
def test_flipped_pairs_have_flipped_flows(tmp_path, suffix):
    source = FlowFolder(pairs_with_flows(tmp_path, suffix=suffix))
    assert source.count == 2 and "flows" in source.describe()
    size, seen = 40, set()
    # The crop is the whole image: blurring its sharp one, flipped alike, must give it.
    for step, (blurred, flow) in enumerate(batches(source, 12, augment=Augment(size), batch=1)):
        variants = {
            (i, rows, columns): np.ascontiguousarray(image(size, size, i)[::rows, ::columns])
            for i in range(2)
            for rows in (1, -1)
            for columns in (1, -1)
        }
        fits = []
        for key, sharp in variants.items():
            again = MotionBlur(flow).apply(sharp[np.newaxis].astype("float32"))
            if np.abs(again - 255 * blurred).max() < 0.502:
                fits.append(key)
        assert len(fits) == 1, f"sample {step} fits {fits}"
        seen.add(fits[0])
        np.testing.assert_array_equal(flow, canonical_flow(flow))
    assert {key[1:] for key in seen} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}


@pytest.mark.parametrize("kind", ["photographs", "pairs"])
def test_streams_repeat_and_resume(tmp_path, kind):
    if kind == "photographs":
        source = photographs(tmp_path)
    else:
        source = FlowFolder(pairs_with_flows(tmp_path), cache_bytes=0)
        kept = FlowFolder(tmp_path)
        assert kept.fingerprint == source.fingerprint
    first = batches(source, 5)
    assert [x.shape for x in first[0]] == [(2, CROP, CROP, 3), (2, CROP, CROP, 2)]
    assert all(x.dtype == np.float32 for x in first[0])
    again = batches(source if kind == "photographs" else kept, 3, start=4)
    for a, b in zip(first[2:], again, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def test_validation_is_the_same_whatever_else_is_in_the_folder(tmp_path):
    three = list(flow_images(photographs(tmp_path)))
    one = open_photographs(tmp_path, FIRM[0], only=["p2"])
    for cache in (0, 1 << 20):
        frames = flow_images(one, cache_bytes=cache)
        for _ in range(2):
            (alone,) = frames
            for a, b in zip(alone, three[2], strict=True):
                np.testing.assert_array_equal(a, b)
    blurred, flow = (x.numpy() for x in alone)
    margin = FIRM[0].margin
    assert blurred.shape == (1, 56 - 2 * margin, 48 - 2 * margin, 3)
    assert flow.shape == (*blurred.shape[:3], 2)
    whole = image(56, 48, 2).astype("float32")[np.newaxis]
    padded = np.pad(flow, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="edge")
    again = MotionBlur(padded).apply(whole)[:, margin:-margin, margin:-margin]
    assert np.abs(again - 255 * blurred).max() < 0.502
    assert len(list(flow_images(photographs(tmp_path), limit=2))) == 2


def test_panels_are_centre_crops(tmp_path):
    source = photographs(tmp_path)
    blurred, flow = flow_panel(source, 2, 16)
    assert blurred.shape == (2, 16, 16, 3) and flow.shape == (2, 16, 16, 2)
    frames = [[x.numpy()[0] for x in frame] for frame in flow_images(source)]
    top, left = ((side - 16) // 2 for side in frames[0][0].shape[:2])
    np.testing.assert_array_equal(flow[1], frames[1][1][top : top + 16, left : left + 16])
    np.testing.assert_allclose(blurred[0], frames[0][0][top : top + 16, left : left + 16])


def test_best_constant_flow_by_hand():
    flows = np.array([[[[1, 0], [3, 0]]], [[[4, 2], [4, -2]]]], "float32")
    frames = tf.data.Dataset.from_tensor_slices((flows[..., :1], flows)).batch(1)
    flow, mse = best_constant_flow(frames)
    np.testing.assert_allclose(flow, [3, 0])
    assert mse == pytest.approx(((4 + 0 + 1 + 1) / 4 + (4 + 4) / 4) / 2)


def test_what_cannot_be_used_is_named(tmp_path):
    folder = pairs_with_flows(tmp_path / "pairs")
    assert has_flows(folder) and has_flows(tmp_path) is False
    with pytest.raises(InvalidInput, match="`data.turns` must be false"):
        batches(FlowFolder(folder), 1, augment=Augment(CROP, turns=True))
    with pytest.raises(DataError, match="crop=64"):
        batches(FlowFolder(folder), 1, augment=Augment(64))
    write_flow(folder / "flow" / "1.npz", np.zeros((8, 8, 2), "float32"))
    with pytest.raises(DataError, match="1: the image is 40 x 40 pixels, its flow 8 x 8"):
        FlowFolder(folder).load_labelled(1)
    (folder / "flow" / "1.npz").unlink()
    with pytest.raises(DataError, match="1 has no flow beside it"):
        FlowFolder(folder)
