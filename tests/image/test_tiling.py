"""Tiles: exact with the identity network, one size, bounded, weights that sum to 1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import noise
from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import (
    OVERLAP,
    RAMP,
    blend_flows,
    blend_images,
    plan_tiles,
    ramp_weights,
    restore_in_tiles,
)

sizes = st.integers(1, 900)


@settings(deadline=None, max_examples=60)
@given(height=sizes, width=sizes, tile=st.sampled_from([160, 192, 256, 511]))
def test_identity_network_gives_the_image_back_exactly(height, width, tile):
    image = noise(height, width, 1)
    plan = plan_tiles(height, width, tile=tile)
    np.testing.assert_array_equal(restore_in_tiles(image, plan, lambda piece: piece), image)


@settings(deadline=None, max_examples=200)
@given(
    height=st.integers(1, 5000),
    width=st.integers(1, 5000),
    max_pixels=st.integers(160 * 160, 10**6),
    multiple=st.sampled_from([1, 16, 32, 64]),
)
def test_plan_covers_the_image_within_the_limit(height, width, max_pixels, multiple):
    max_pixels = max(max_pixels, 192 * 192)
    plan = plan_tiles(height, width, max_pixels=max_pixels, multiple=multiple)
    assert plan.tile_pixels <= max_pixels
    for length, size, starts in (
        (height, plan.tile_height, plan.rows),
        (width, plan.tile_width, plan.columns),
    ):
        assert size % multiple == 0
        assert starts[0] == 0
        assert length <= starts[-1] + size < length + multiple
        assert all(start % multiple == 0 for start in starts)
        gaps = np.diff(starts)
        assert (gaps > 0).all() and (gaps <= size - 2 * OVERLAP).all()
        if len(starts) > 1:
            assert size % 32 == 0


@settings(deadline=None, max_examples=60)
@given(height=sizes, width=sizes, tile=st.sampled_from([160, 192, 320]))
def test_weights_of_all_tiles_sum_to_one(height, width, tile):
    """Tile i returns the indicator of tile i: the blend is then its weight."""
    plan = plan_tiles(height, width, tile=tile)
    image = np.zeros((height, width, 1), np.float32)
    total = np.zeros_like(image)
    for wanted in range(plan.tiles):
        calls = iter(range(plan.tiles))
        weight = restore_in_tiles(
            image, plan, lambda piece, calls=calls, wanted=wanted: piece + (next(calls) == wanted)
        )
        assert weight.min() >= 0 and weight.max() <= 1
        total += weight
    np.testing.assert_allclose(total, 1, atol=3e-7)


def test_no_ramp_at_the_border_and_nothing_from_the_edge_of_a_tile():
    plan = plan_tiles(64, 256, tile=192)
    assert plan.columns == (0, 64) and plan.tile_width == 192
    calls = iter((0.0, 1.0))
    image = np.zeros((64, 256, 1), np.float32)
    row = restore_in_tiles(image, plan, lambda piece: np.full_like(piece, next(calls)))[0, :, 0]
    assert (row[: 64 + OVERLAP - RAMP // 2] == 0).all()
    assert (row[192 - OVERLAP + RAMP // 2 :] == 1).all()
    assert (np.diff(row) >= 0).all()
    np.testing.assert_allclose(row + row[::-1], 1, atol=1e-7)


def test_ramp_is_the_cos_squared_pair():
    start, weights = ramp_weights(first_end=128, second_start=0)
    assert (start, len(weights)) == (48, RAMP)
    np.testing.assert_allclose(weights + weights[::-1], 1, atol=1e-7)
    assert weights[0] < 0.001 < 0.999 < weights[-1]


def test_a_whole_image_is_one_tile_when_it_fits():
    plan = plan_tiles(720, 1280, max_pixels=1280 * 720)
    assert (plan.tiles, plan.tile_height, plan.tile_width) == (1, 720, 1280)


def test_a_tile_smaller_than_its_overlap_is_refused():
    with pytest.raises(InvalidInput, match="`tile` must be at least 160 pixels.*tile=64"):
        plan_tiles(720, 1280, tile=64)


def test_after_tile_is_called_once_per_tile():
    plan, calls = plan_tiles(300, 500, tile=192), []
    restore_in_tiles(noise(300, 500, 3), plan, lambda piece: piece, lambda: calls.append(1))
    assert len(calls) == plan.tiles > 4


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_tiles_may_have_other_channels_than_the_image(channels):
    image = noise(300, 420, 3)
    plan = plan_tiles(300, 420, tile=192)
    mixing = noise(3, channels, seed=1)
    found = restore_in_tiles(image, plan, lambda piece: piece @ mixing, channels=channels)
    assert found.shape == (300, 420, channels)
    np.testing.assert_allclose(found, image @ mixing, atol=1e-5)


def test_flows_blend_whatever_their_sign():
    """Tiles whose estimates have random signs give the motion up to its sign, everywhere."""
    flow = np.stack([0.1 * noise(200, 500), 8 + noise(200, 500, seed=1)], axis=-1)
    plan, rng = plan_tiles(200, 500, tile=160), np.random.default_rng(2)
    signs = []

    def either_sign(piece):
        signs.append(rng.choice([-1, 1]))
        return np.float32(signs[-1]) * piece

    found = restore_in_tiles(flow, plan, either_sign, blend=blend_flows)
    assert set(signs) == {-1, 1}
    upward = np.where(found[..., 1:] < 0, -found, found)
    np.testing.assert_allclose(upward, flow, atol=1e-5)


def test_blended_flows_of_one_sign_are_blended_images():
    first, weights = noise(5, 7, 2), np.float32(0.3)
    near = first + 0.1 * noise(5, 7, 2, seed=1)
    same = np.sum(first * near, -1) > 0
    assert same.sum() > 20
    blended = blend_images(first, near, weights)
    np.testing.assert_array_equal(blend_flows(first, near, weights)[same], blended[same])
    np.testing.assert_array_equal(blend_flows(first, -near, weights)[same], blended[same])
