import numpy as np

from tests.helpers import noise
from tfdeblur.metrics import end_point_error, flow_mse, sign_free_end_point_error
from tfdeblur.metrics.flow import canonical
from tfdeblur.operators import canonical_flow


def test_canonical_is_that_of_the_operators():
    flow = np.round(2 * noise(2, 5, 6, 2))  # many zeros
    np.testing.assert_array_equal(canonical(flow), canonical_flow(flow))


def test_values_by_hand():
    # Differences (3, 4) and (0, 0) in the first image, (0, -1) twice in the second.
    true = np.array([[[[1, 1], [2, -7]]], [[[5, 0], [0, 3]]]], "float32")
    estimated = true + np.array([[[[3, 4], [0, 0]]], [[[0, -1], [0, -1]]]], "float32")
    np.testing.assert_allclose(flow_mse(true, estimated), [25 / 4, 0.5])
    np.testing.assert_allclose(end_point_error(true, estimated), [2.5, 1.0])


def test_signs_do_not_count():
    true, estimated = 9 * noise(2, 3, 4, 5, 2)
    for metric in (flow_mse, end_point_error, sign_free_end_point_error):
        expected = metric(true, estimated)
        assert expected.shape == (3,) and np.all(expected > 1)
        for signs in [(-true, estimated), (true, -estimated), (-true, -estimated)]:
            np.testing.assert_array_equal(metric(*signs), expected)
        np.testing.assert_array_equal(metric(true, -true), np.zeros(3))


def test_the_nearer_sign_counts_pixel_by_pixel():
    # (-1, 6) is 2 away from (1, 6); canonical it is (1, -6), 12 away.
    true = np.array([[[[1, 6], [5, 0]]], [[[0, 2], [0, 2]]]], "float32")
    estimated = np.array([[[[-1, 6], [8, 0]]], [[[0, -6], [0, 6]]]], "float32")
    np.testing.assert_allclose(sign_free_end_point_error(true, estimated), [2.5, 4.0])
    np.testing.assert_allclose(end_point_error(true, estimated), [7.5, 4.0])


def test_no_sign_is_nearer_than_the_nearer_one():
    true, estimated = 5 * noise(2, 4, 6, 7, 2, seed=3)
    nearer = np.asarray(sign_free_end_point_error(true, estimated))
    assert np.all(nearer < end_point_error(true, estimated))
    for seed in range(3):
        signs = np.sign(noise(4, 6, 7, 1, seed=seed))
        distance = np.linalg.norm(true - signs * estimated, axis=-1).mean(axis=(1, 2))
        assert np.all(nearer <= distance + 1e-5)
        np.testing.assert_allclose(sign_free_end_point_error(true, signs * estimated), nearer)
