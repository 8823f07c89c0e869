import numpy as np
import pytest

from tfdeblur.data import camera_shake
from tfdeblur.data.camera_shake import random_shake
from tfdeblur.errors import InvalidInput


def boxes(paths):
    """Largest width and height of the box around a pixel's path."""
    return np.ptp(paths, axis=0).max(axis=(0, 1))


@pytest.mark.parametrize("size", [(48, 64), (90, 30)])
def test_extents_fill_the_range_up_to_the_ceiling(size):
    extents = [boxes(random_shake(seed, *size, max_extent=12)).max() for seed in range(40)]
    assert max(extents) <= 12
    assert min(extents) > 0.25 * 12 * 0.9  # the samples do not reach the very ends of the path
    assert 0.53 < np.mean(extents) / 12 < 0.7  # uniform from 1/4 to 1: 0.625


@pytest.mark.parametrize("max_extent", [5, 46])
def test_neighbouring_samples_are_within_a_pixel(max_extent):
    for seed in range(10):
        paths = random_shake(seed, 48, 64, max_extent)
        steps = np.linalg.norm(np.diff(paths, axis=0), axis=-1).max()
        assert 0.5 < steps <= 1.01, (seed, steps)


def test_displacement_is_zero_in_the_middle_of_the_exposure():
    odd = random_shake(1, 20, 30, max_extent=15, samples=41)
    np.testing.assert_allclose(odd[20], 0, atol=1e-5)
    assert np.abs(odd[[0, -1]]).max() > 1


def test_the_path_does_not_depend_on_the_number_of_samples():
    few, many = (random_shake(2, 20, 30, 15, samples=samples) for samples in (7, 21))
    np.testing.assert_allclose(few, many[1::3], atol=1e-5)


def test_every_pose_is_a_homography():
    """The map of 4 corners determines the map of all other pixels."""
    paths = random_shake(5, 24, 32, max_extent=20, samples=4).astype(float)
    rows, columns = np.indices((24, 32)).astype(float)
    before = np.stack([columns, rows], -1)
    for displacement in paths:
        after = before + displacement
        equations = []
        for row, column in ((0, 0), (0, 31), (23, 0), (23, 31)):
            point, (x, y) = np.array([column, row, 1.0]), after[row, column]
            equations.append([*point, 0, 0, 0, *(-x * point)])
            equations.append([0, 0, 0, *point, *(-y * point)])
        homography = np.linalg.svd(np.array(equations))[2][-1].reshape(3, 3)
        x, y, z = np.einsum("ij,hwj->ihw", homography, np.dstack([before, np.ones((24, 32))]))
        np.testing.assert_allclose(x / z, after[..., 0], atol=1e-3)
        np.testing.assert_allclose(y / z, after[..., 1], atol=1e-3)


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        # Turns about the column axis, the row axis (yaw: all to one side) and the optical one.
        ([0, 0.01, 0, 0, 0, 0], lambda x, y, f: (0.01 * f, 0)),
        ([0.01, 0, 0, 0, 0, 0], lambda x, y, f: (0, -0.01 * f)),
        ([0, 0, 0.01, 0, 0, 0], lambda x, y, f: (-0.01 * y, 0.01 * x)),
        # Steps to the right, down and away from the scene.
        ([0, 0, 0, 0.01, 0, 0], lambda x, y, f: (0.01 * f, 0)),
        ([0, 0, 0, 0, 0.01, 0], lambda x, y, f: (0, 0.01 * f)),
        ([0, 0, 0, 0, 0, 0.01], lambda x, y, f: (-0.01 * x, -0.01 * y)),
    ],
)
def test_single_coordinates_by_hand(pose, expected):
    focal_length, x, y = 1000.0, 30.0, -20.0
    columns, rows = np.array([x]), np.array([[y]])
    (moved,) = camera_shake._displacements(np.array([pose]), columns, rows, focal_length)
    np.testing.assert_allclose(moved[0, 0], expected(x, y, focal_length), atol=0.02)


def test_paths_are_curved_and_differ_between_pixels():
    bends, differences = [], []
    for seed in range(20):
        paths = random_shake(seed, 48, 64, 20, samples=33).astype(float)
        centre = paths[:, 24, 32] - paths[:, 24, 32].mean(axis=0)
        singular = np.linalg.svd(centre, compute_uv=False)
        bends.append(singular[1] / singular[0])
        differences.append(np.abs(paths[:, 0, 0] - paths[:, -1, -1]).max())
    assert np.median(bends) > 0.05
    assert np.median(differences) > 1


def test_same_seed_same_shake():
    shake = random_shake(7, 10, 12, 9, samples=5)
    assert shake.dtype == np.float32 and shake.shape == (5, 10, 12, 2)
    np.testing.assert_array_equal(shake, random_shake(7, 10, 12, 9, samples=5))
    assert np.abs(shake - random_shake(8, 10, 12, 9, samples=5)).max() > 0.1
    assert np.abs(shake - random_shake([7, 1], 10, 12, 9, samples=5)).max() > 0.1


def test_a_single_pixel():
    assert boxes(random_shake(0, 1, 1, 6)).max() <= 6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("height", 0),
        ("width", 1.5),
        ("samples", 0),
        ("max_extent", 0),
        ("max_extent", float("inf")),
        ("focal_length", float("nan")),
        ("focal_length", 90.0),
    ],
)
def test_bad_input(name, value):
    arguments = dict(seed=0, height=4, width=5) | {name: value}
    with pytest.raises(InvalidInput, match=f"`{name}`.*{name}={value!r}"):
        random_shake(**arguments)
