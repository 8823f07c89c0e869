"""Photographs blurred while training: the right blur, a new one each time, the same each run."""

from itertools import islice

import numpy as np
import pytest
import tensorflow as tf

from tests.data.makers import coordinates, image, source, write, write_pairs
from tfdeblur.data import Augment, evaluation_images, flows, panel_pairs, training_batches
from tfdeblur.data.augment import MOTION, crop_position
from tfdeblur.data.blur_source import RandomBlur, open_photographs, window_flow
from tfdeblur.data.mixed_source import MixedSource
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.operators.kernels import line_kernel

BLUR = RandomBlur(max_extent=9)
SIDE = 12 + 2 * BLUR.margin
AUGMENT = Augment(crop=12, turns=True)


def photographs(folder, count=3, height=50, width=40, blur=BLUR, **options):
    for i in range(count):
        write(folder / f"p{i}.png", image(height, width, i))
    return open_photographs(folder, blur, **options)


def batches(pairs, count=None, **options):
    arguments = {"augment": AUGMENT, "batch": 2, "seed": 5, **options}
    return list(islice(training_batches(pairs, **arguments).as_numpy_iterator(), count))


@pytest.fixture(scope="module", params=[1 << 30, 0], ids=["in memory", "decoded on access"])
def photos(request, tmp_path_factory):
    return photographs(tmp_path_factory.mktemp("photos"), cache_bytes=request.param)


@pytest.mark.parametrize("law", flows.LAWS)
@pytest.mark.parametrize("corner", [(0, 0), (200, 17), (455, 615)])
def test_the_flow_of_a_window_is_that_of_the_photograph_there(law, corner):
    """Against the law in NumPy, with the same numbers and the extent of the whole frame."""
    blur, size = RandomBlur(law, 9), (480, 640)
    rows, columns = (np.arange(side, dtype=float) for side in size)
    window = np.s_[corner[0] : corner[0] + SIDE, corner[1] : corner[1] + SIDE]
    factors = []
    for k in range(4):
        seed = tf.constant([3, k], tf.int64)
        uniform = tf.random.stateless_uniform([8], tf.random.fold_in(seed, MOTION)).numpy()
        motion = flows.motion_from_uniform(uniform.astype(float), law)
        free = np.stack(flows.motion_field(motion, columns, rows[:, None], *size, law), axis=-1)
        expected, factor = flows.fit_extent(free, 9)
        flow = window_flow(blur, size, corner, SIDE, seed).numpy()
        assert flow.shape == (SIDE, SIDE, 2) and np.abs(flow).max() <= 9 * (1 + 1e-6)
        rounding = 0.5 if law == "gong2018" else 0.0
        # The extent is looked at on a grid, which may miss a hundredth of it.
        assert np.abs(flow - expected[window]).max() <= rounding + 0.09
        if rounding:
            np.testing.assert_array_equal(flow, np.round(flow))
        factors.append(factor)
    assert min(factors) < 0.5  # the ceiling was felt


def test_a_window_is_what_blurring_the_whole_photograph_shows_there(photos):
    reader = photos.reader()
    for k in range(4):
        index, seed = k % 3, tf.constant([1, k], tf.int64)
        blurred, sharp = reader.window(tf.constant(index, tf.int64), 12, seed).numpy()
        whole = image(50, 40, index)
        top, left = (int(x) for x in crop_position(50, 40, SIDE, seed))
        flow = window_flow(BLUR, (50, 40), (top, left), SIDE, seed).numpy().astype(float)
        top, left = top + BLUR.margin, left + BLUR.margin
        np.testing.assert_array_equal(sharp, whole[top : top + 12, left : left + 12])
        for row, column in [(0, 0), (0, 11), (11, 0), (11, 11), (5, 7)]:
            kernel = line_kernel(*flow[row + BLUR.margin, column + BLUR.margin])
            down, across = (side // 2 for side in kernel.shape)
            window = whole[
                top + row - down : top + row + down + 1,
                left + column - across : left + column + across + 1,
            ]
            expected = np.tensordot(kernel, window, 2)
            assert np.abs(blurred[row, column] - expected).max() < 0.501


def test_streams_repeat_resume_and_never_show_one_blur_twice(photos):
    first = batches(photos, 9)
    for again in (batches(photos, 9), batches(photos, 4, start=10)):
        for a, b in zip(first[-len(again) :], again, strict=True):
            np.testing.assert_array_equal(a, b)
    assert first[0][0].shape == (2, 12, 12, 3) and first[0][0].dtype == np.float32
    seen = {blurred.tobytes() for batch, _ in first for blurred in batch}
    assert len(seen) == 18  # six epochs of three photographs
    other = batches(photos, 9, seed=6)
    assert not any(np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=True))
    # Noise that is averaged is less noise.
    blurred, sharp = (np.stack([batch[i] for batch in first]) for i in (0, 1))
    assert blurred.std() < 0.7 * sharp.std()


def test_memory_and_files_give_the_same(tmp_path):
    memory, files = (photographs(tmp_path, cache_bytes=size) for size in (1 << 30, 0))
    assert type(memory.photographs.reader()) is not type(files.photographs.reader())
    assert memory.photographs.decoded_bytes == 3 * 50 * 40 * 3
    for a, b in zip(batches(memory, 3), batches(files, 3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_crops_keep_the_border_that_blurring_takes(tmp_path):
    write(tmp_path / "c.png", coordinates(SIDE + 3, SIDE + 1))
    photos = open_photographs(tmp_path, RandomBlur(max_extent=9, strength="mild"))
    corners = set()
    for _, sharp in batches(photos, 60, augment=Augment(12, flips=False)):
        corners |= {tuple(int(x) for x in np.round(crop[0, 0, :2] * 255)) for crop in sharp}
    margin = BLUR.margin
    assert corners == {(margin + i, margin + j) for i in range(4) for j in range(2)}


def test_what_is_not_random(photos):
    """Panels of pictures come from one fixed motion a photograph."""
    panel = panel_pairs(photos, 2, 16)
    np.testing.assert_array_equal(panel, panel_pairs(photos, 2, 16))
    frames = [tuple(x.numpy() for x in pair) for pair in evaluation_images(photos)]
    height, width = photos.sizes[0]
    assert [x.shape for x in frames[0]] == [(1, height, width, 3)] * 2
    assert photos.fingerprint == photos.photographs.fingerprint
    assert "3 photographs" in photos.describe() and "9 pixels" in photos.describe()


def test_photographs_take_the_place_of_a_share_of_the_pairs(tmp_path):
    pairs = source(tmp_path / "pairs", 5, 20, 24)
    photos = photographs(tmp_path / "photos")
    mixed = MixedSource(pairs, photos, 0.3)
    assert mixed.count == 5 and mixed.fingerprint not in (pairs.fingerprint, photos.fingerprint)
    plain = batches(pairs, 200, batch=1)
    both = batches(mixed, 200, batch=1)
    replaced = [not np.array_equal(a[1], b[1]) for a, b in zip(plain, both, strict=True)]
    for (blurred, _), (other, _), new in zip(plain, both, replaced, strict=True):
        assert new or np.array_equal(blurred, other)  # what is not replaced stays as it was
    assert 0.2 < np.mean(replaced) < 0.4
    for a, b in zip(batches(mixed, 5, batch=1, start=195), both[195:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_cannot_be_used_is_named(tmp_path):
    small = photographs(tmp_path / "small", 1, 20, 40)
    with pytest.raises(DataError, match=r"crop=12.*without 5 pixels on each side.*\n  p0: 30x10"):
        batches(small, 1)
    pairs = source(tmp_path / "good", 2, 20, 24)
    with pytest.raises(DataError, match="p0: 30x10"):
        batches(MixedSource(pairs, small, 0.5), 1)
    with pytest.raises(DataError, match=r"larger than 10 pixels.*Smaller: p0"):
        photographs(tmp_path / "tiny", 1, 10, 40)
    write_pairs(tmp_path / "pairs", ["x"], 40, 40)
    with pytest.raises(DataError, match="is the blurred image of a pair"):
        open_photographs(tmp_path / "pairs", BLUR)
    with pytest.raises(DataError, match="No photograph .* is left"):
        open_photographs(tmp_path / "small", BLUR, only=["x*"])
    for share in (0, 1, float("nan")):
        with pytest.raises(InvalidInput, match="`share` must be between 0 and 1"):
            MixedSource(pairs, small, share)
    with pytest.raises(InvalidInput, match="`law` must be one of"):
        RandomBlur(law="newton")


def test_photographs_in_subfolders_have_names_to_choose_by(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        write(tmp_path / name, image(40, 40))
    assert open_photographs(tmp_path, BLUR, exclude=["b-*"]).names == ["a-1", "a-2"]
