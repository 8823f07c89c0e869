import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import FLOW_LOSSES, FlowLoss

FREE = ("sign_free", "double_angle")


def value(kind, true, estimated):
    """The loss of one pixel."""
    arrays = (np.array(flow, "float32").reshape(1, 1, 1, 2) for flow in (true, estimated))
    return float(FlowLoss(kind).call(*arrays)[0])


@pytest.mark.parametrize(
    ("kind", "true", "estimated", "expected"),
    [
        ("l2", (3, 4), (1, 1), 13 / 2),
        ("l2", (-3, -4), (1, 1), 13 / 2),  # the label is made canonical
        ("l2", (3, 4), (-3, -4), 50),  # the estimate is not
        ("sign_free", (3, 4), (-2, -4), 1 / 2),
        ("sign_free", (3, 4), (1, 1), 13 / 2),
        ("sign_free", (0, 0), (1, -2), 5 / 2),
        # Length 5 at 2 atan(4/3) is (-7, 24) / 5; length 5 along u stays (5, 0).
        ("double_angle", (3, 4), (5, 0), ((-1.4 - 5) ** 2 + 4.8**2) / 2),
        ("double_angle", (0, 2), (2, 0), (4 + 0) ** 2 / 2),  # across: opposite at twice the angle
        ("double_angle", (3, 4), (6, 8), 25 / 2),  # lengths are kept
        ("double_angle", (0, 0), (3, 4), 25 / 2),
    ],
)
def test_values_by_hand(kind, true, estimated, expected):
    assert value(kind, true, estimated) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", FREE)
def test_free_of_the_sign_of_each_pixel(kind):
    true, estimated = 9 * noise(2, 3, 8, 8, 2)
    signs = np.sign(noise(3, 8, 8, 1, seed=1))
    expected = FlowLoss(kind).call(true, estimated)
    assert expected.shape == (3,)
    np.testing.assert_allclose(FlowLoss(kind).call(signs * true, estimated), expected, rtol=1e-6)
    np.testing.assert_allclose(FlowLoss(kind).call(true, signs * estimated), expected, rtol=1e-6)


def test_only_l2_jumps_where_the_canonical_sign_does():
    left, right = (-0.01, 20), (0.01, 20)  # a thousandth of a turn apart
    assert value("l2", left, right) > 700
    for kind in FREE:
        assert value(kind, left, right) < 1e-3


@pytest.mark.parametrize("kind", FLOW_LOSSES)
def test_gradients_are_finite_where_nothing_moves(kind):
    for true in (np.zeros((1, 4, 4, 2)), noise(1, 4, 4, 2)):
        for start in (0.0, 1e-20, 1e-4):
            estimated = tf.Variable(tf.fill((1, 4, 4, 2), start))
            with tf.GradientTape() as tape:
                loss = FlowLoss(kind)(true, estimated)
            assert np.isfinite(tape.gradient(loss, estimated)).all()


@pytest.mark.parametrize("kind", FLOW_LOSSES)
def test_gradient_leads_to_the_label(kind):
    true = np.full((1, 2, 2, 2), (6.0, -3.0), "float32")
    estimated = tf.Variable(np.full((1, 2, 2, 2), (2.0, 1.0), "float32"))
    optimizer = keras.optimizers.SGD(1.0)
    for _ in range(60):
        with tf.GradientTape() as tape:
            loss = FlowLoss(kind)(true, estimated)
        optimizer.apply([tape.gradient(loss, estimated)], [estimated])
    np.testing.assert_allclose(estimated, true, atol=1e-2)


def test_config_round_trip_and_unknown_kind():
    again = FlowLoss.from_config(FlowLoss("double_angle").get_config())
    assert (again.kind, again.name) == ("double_angle", "flow_loss")
    with pytest.raises(InvalidInput, match="must be one of l2, sign_free, double_angle. Received"):
        FlowLoss("l1")
