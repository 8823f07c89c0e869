"""How far an estimated motion flow is from the true one, one value per image (keras only)."""

from keras import ops


def canonical(flow):
    """Picks of (u, v) and (-u, -v), which blur alike, the one with u >= 0, and v >= 0 where u = 0.

    The convention of `operators.canonical_flow`, for any Keras backend.

    Args:
        flow: float `(..., 2)`, pixels.

    Returns:
        The same shape, float32.
    """
    flow = ops.cast(flow, "float32")
    u, v = flow[..., :1], flow[..., 1:]
    other = ops.logical_or(u < 0, ops.logical_and(ops.equal(u, 0), v < 0))
    return ops.where(other, -flow, flow)


def flow_mse(true, estimated):
    """Mean squared error of flows, over both components of all pixels.

    Args:
        true: float `(batch, height, width, 2)`, (u, v), pixels, of either sign.
        estimated: the same shape, of either sign.

    Returns:
        float32 `(batch,)`, pixels^2.

    Source: the motion-flow paper, table 1. Both flows are made canonical first: the sign of a
        motion does not show in a blur. Where the true motion is nearly vertical an estimate
        that is right but for the sign it got by a hair counts as wrong, as it does there.
    """
    return ops.mean(ops.square(canonical(true) - canonical(estimated)), axis=(1, 2, 3))


def end_point_error(true, estimated):
    """Mean distance of the end points of flows.

    Args:
        true: float `(batch, height, width, 2)`, (u, v), pixels, of either sign.
        estimated: the same shape, of either sign.

    Returns:
        float32 `(batch,)`, pixels.

    Source: Baker et al., A database and evaluation methodology for optical flow, IJCV 2011. We
        differ: both flows are made canonical first, as in `flow_mse`.
    """
    difference = canonical(true) - canonical(estimated)
    return ops.mean(ops.sqrt(ops.sum(ops.square(difference), axis=-1)), axis=(1, 2))


def sign_free_end_point_error(true, estimated):
    """Mean distance of the end points of flows, of the nearer of the two signs at each pixel.

    What the kernel hangs on: a motion and its opposite blur alike, so what counts is the
    distance to whichever of the two is nearer. Never above `end_point_error`; where the motion
    is nearly vertical, far below it for estimates that are right but for a hair's turn.

    Args:
        true: float `(batch, height, width, 2)`, (u, v), pixels, of either sign.
        estimated: the same shape, of either sign.

    Returns:
        float32 `(batch,)`, pixels.

    Source: ours; the measure that belongs to the loss "sign_free" of `losses.FlowLoss`.
    """
    true, estimated = ops.cast(true, "float32"), ops.cast(estimated, "float32")
    same, opposite = (ops.sum(ops.square(true - sign * estimated), axis=-1) for sign in (1.0, -1.0))
    return ops.mean(ops.sqrt(ops.minimum(same, opposite)), axis=(1, 2))
