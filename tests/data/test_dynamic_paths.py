"""Paths of an exposure: where the middle is, how long they are, and the blur they make."""

import numpy as np
import pytest

from tfdeblur.data.dynamic_paths import Path, blur, draw_path, reach_of


def drawn(count, extent=26.0, bow=0.07, squiggles=0.3):
    generator = np.random.default_rng(7)
    return [draw_path(generator, extent, bow, squiggles) for _ in range(count)]


def centroid(weights):
    rows, columns = (np.arange(side) - side // 2 for side in weights.shape)
    return (weights * columns).sum(), (weights * rows[:, None]).sum()


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.5])
def test_an_even_straight_path_leaves_a_point_where_it_is(angle):
    kernel = Path(9.3, angle).kernel()
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)
    reach = reach_of(kernel)
    point = np.zeros((2 * reach + 15, 2 * reach + 15, 1), np.float32)
    point[reach + 7, reach + 7] = 1
    blurred = blur(point, kernel, reach)[..., 0]
    np.testing.assert_allclose(centroid(blurred), (0, 0), atol=1e-5)
    np.testing.assert_allclose(blurred, blurred[::-1, ::-1], atol=1e-6)


def test_the_origin_is_the_middle_of_the_exposure_by_time():
    """Not the middle of the way, nor the centroid: half of the light comes before, half after."""
    for path in drawn(50):
        np.testing.assert_allclose(path.positions(np.array([0.5])), [[0, 0]], atol=1e-9)
        kernel = path.kernel()
        assert kernel.shape[0] % 2 == kernel.shape[1] % 2 == 1
        assert kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] > 0
    # Slow, then fast: nearly all of the way lies after the middle.
    path = Path(10.0, uneven=0.8, cycles=0.5, phase=-np.pi / 2)
    before, after = (float(abs(x)) for x in path.positions(np.array([0.0, 1.0]))[:, 0])
    assert before + after == pytest.approx(10) and after > 1.8 * before
    kernel = path.kernel()
    middle = kernel.shape[1] // 2
    assert kernel.shape[1] == 2 * int(np.ceil(after)) + 1
    assert kernel[0, :middle].sum() == pytest.approx(0.5, abs=float(kernel[0, middle]))
    assert centroid(kernel)[0] > 0.5


def test_a_kernel_is_how_long_the_image_is_at_each_place():
    times = (np.arange(20001) + 0.5) / 20001
    for path in drawn(12):
        kernel = path.kernel()
        assert kernel.min() >= 0 and kernel.sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(
            centroid(kernel), path.positions(times).mean(axis=0), atol=0.02 + 0.002 * path.length
        )


def test_lengths_are_those_that_are_drawn():
    paths = drawn(400, squiggles=0.25)
    times = np.linspace(0, 1, 2001)
    for path in paths[:60]:
        steps = np.diff(path.positions(times), axis=0)
        # The arc is that much longer than its chord.
        longer = 1 + (4 if path.waves is None else 0) * path.bow**2
        length = np.linalg.norm(steps, axis=1).sum()
        assert path.length * 0.99 < length < path.length * longer * 1.02
    lengths = np.array([path.length for path in paths])
    assert 1 <= lengths.min() and lengths.max() <= 27
    assert lengths.mean() == pytest.approx(1 + 26 * 0.4, abs=1.2)
    assert np.mean([path.waves is not None for path in paths]) == pytest.approx(0.25, abs=0.06)
    assert np.std([path.bow for path in paths]) == pytest.approx(0.07, abs=0.01)


def test_a_blur_is_a_true_convolution():
    """The picture of a point is the kernel itself, not the kernel turned around."""
    path = Path(7.0, angle=0.5, bow=0.3, uneven=0.7, phase=1.0)
    kernel = path.kernel()
    reach = reach_of(kernel) + 2
    down, right = (side // 2 for side in kernel.shape)
    point = np.zeros((4 * reach + 1, 4 * reach + 1, 2), np.float32)
    point[2 * reach, 2 * reach] = 1, 2
    blurred = blur(point, kernel, reach)
    assert blurred.shape == (2 * reach + 1, 2 * reach + 1, 2)
    around = blurred[reach - down : reach + down + 1, reach - right : reach + right + 1]
    np.testing.assert_allclose(around[..., 0], kernel, atol=1e-6)
    np.testing.assert_allclose(around[..., 1], 2 * kernel, atol=1e-6)
    assert blurred[..., 0].sum() == pytest.approx(1, abs=1e-5)


def test_an_altered_path_is_turned_and_longer():
    for path in drawn(6):
        times = np.linspace(0, 1, 9)
        other = path.altered(np.pi / 2, 2.0).positions(times)
        expected = 2 * path.positions(times)[:, ::-1] * (-1, 1)
        np.testing.assert_allclose(other, expected, atol=1e-9)
