import numpy as np

from tests.helpers import noise
from tfdeblur.metrics import end_point_error, flow_mse
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
    for metric in (flow_mse, end_point_error):
        expected = metric(true, estimated)
        assert expected.shape == (3,) and np.all(expected > 1)
        for signs in [(-true, estimated), (true, -estimated), (-true, -estimated)]:
            np.testing.assert_array_equal(metric(*signs), expected)
        np.testing.assert_array_equal(metric(true, -true), np.zeros(3))
