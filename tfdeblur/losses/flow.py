"""Losses of motion flows: the paper's, and two that do not care for the sign (keras only)."""

import keras
from keras import ops

from tfdeblur.errors import InvalidInput
from tfdeblur.losses._parts import mean_per_image
from tfdeblur.metrics.flow import canonical

_SOFTNESS = 1e-6  # pixels^2: keeps the gradient of a length finite where nothing moves


def _l2(true, estimated):
    return mean_per_image(ops.square(canonical(true) - estimated))


def _sign_free(true, estimated):
    same, opposite = (
        ops.mean(ops.square(true - sign * estimated), axis=-1) for sign in (1.0, -1.0)
    )
    return mean_per_image(ops.minimum(same, opposite))


def _double_angle(true, estimated):
    return mean_per_image(ops.square(_doubled(true) - _doubled(estimated)))


def _doubled(flow):
    """Vectors of the same length at twice the angle."""
    u, v = flow[..., 0], flow[..., 1]
    length = ops.sqrt(u * u + v * v + _SOFTNESS)
    return ops.stack([(u * u - v * v) / length, 2 * u * v / length], axis=-1)


_KINDS = {"l2": _l2, "sign_free": _sign_free, "double_angle": _double_angle}
FLOW_LOSSES = tuple(_KINDS)


@keras.saving.register_keras_serializable("tfdeblur")
class FlowLoss(keras.losses.Loss):
    """Squared difference of an estimated motion flow from the true one.

    Args:
        kind: "l2": difference from the canonical true flow (u >= 0), the paper's. It tears
            nearly vertical motions apart, whose canonical sign changes with the least turn.
            "sign_free": difference from the true flow or its opposite, whichever is nearer, pixel
            by pixel. "double_angle": difference of the vectors of the same length at twice the
            angle, which are the same for both signs and change steadily with the motion; a
            small error of direction counts four times as much.
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch (`keras.losses.Loss`).

    Call arguments:
        y_true: float `(batch, height, width, 2)`, (u, v), pixels, of either sign.
        y_pred: the same shape, the estimate. "l2" pulls it to the canonical sign, the others
            leave the sign open.

    Returns:
        `call` returns float32 `(batch,)`, means over both components of all pixels, pixels^2.

    Raises:
        InvalidInput: if `kind` is none of the three.

    Source: the motion-flow paper, Eqn 1 ("l2"). The other two are ours.
    """

    def __init__(self, kind="l2", name="flow_loss", reduction="sum_over_batch_size"):
        if kind not in _KINDS:
            raise InvalidInput(
                f"`kind` must be one of {', '.join(_KINDS)}. Received: kind={kind!r}"
            )
        # float32 whatever the policy: bfloat16 cannot tell 20 pixels from 20.05.
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.kind = kind

    def call(self, y_true, y_pred):
        """Value per image, float32 `(batch,)`."""
        return _KINDS[self.kind](ops.cast(y_true, "float32"), ops.cast(y_pred, "float32"))

    def get_config(self):
        """Constructor arguments as plain values."""
        return {**super().get_config(), "kind": self.kind}
