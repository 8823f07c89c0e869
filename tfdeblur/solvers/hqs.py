"""Half-quadratic splitting: deconvolution and a prior take turns."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.solvers.conjugate_gradient import as_like, check_stopping
from tfdeblur.solvers.deconvolve import checked_beta, checked_images, solve_normal_equations
from tfdeblur.solvers.solution import Solution

if TYPE_CHECKING:
    from tfdeblur.operators.base import LinearOperator

Prior = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Solve = Callable[[tf.Tensor, tf.Tensor], Solution]  # (anchor, beta) -> the deconvolved image


def half_quadratic(
    K: "LinearOperator",
    observed: tf.Tensor,
    prior: Prior,
    betas: Iterable[float | tf.Tensor],
    tolerance: float = 1e-4,
    max_steps: int = 100,
) -> Solution:
    """Restores by turns of `deconvolve` and `prior`, once for every entry of `betas`.

    Z_0 = O; I_n = deconvolve(K, O, Z_{n-1}, beta_n); Z_n = prior(I_n, O). Each deconvolution
    begins at its anchor Z_{n-1}.

    Args:
        K: the blur, any object with `apply` and `adjoint`, such as `MotionBlur`.
        observed: O, the blurred image, float32 or float64 `(batch, height, width, channels)`
            in [0, 1].
        prior: `(deconvolved, observed)` -> image, all like `observed`: a denoiser, or the
            generator of RP-GAN.
        betas: one per level, each a number > 0 or float `(batch,)`. The paper lets them
            increase from level to level.
        tolerance: float > 0, relative residual at which a deconvolution is done.
        max_steps: int >= 1, largest number of iterations of a deconvolution.

    Returns:
        `Solution`: value is the last Z, as the prior gave it, not clipped; steps, residual and
        converged have shape `(levels, batch)`.

    Raises:
        InvalidInput: if an argument is not one of the above, or `prior` returns another shape
            or dtype.

    Source: the motion-flow paper, Eqn 3.
    """
    check_stopping(tolerance, max_steps)
    observed = checked_images(observed)
    back = K.adjoint(observed)

    def solve(anchor, beta):
        return solve_normal_equations(K, back, anchor, beta, anchor, tolerance, max_steps)

    return in_turns(solve, observed, prior, betas)


def in_turns(
    solve: Solve, observed: tf.Tensor, prior: Prior, betas: Iterable[float | tf.Tensor]
) -> Solution:
    """`half_quadratic` with a deconvolution of the caller's own.

    Args:
        solve: `(anchor, beta)` -> `Solution`: what `deconvolve` gives for this anchor, at which it
            begins; beta has shape () or `(batch,)`.
        observed, prior, betas: as of `half_quadratic`.

    Returns:
        As `half_quadratic`.

    Raises:
        InvalidInput: as `half_quadratic`.
    """
    observed = checked_images(observed)
    anchor, reports = observed, []
    for beta in _checked_betas(betas, observed):
        deconvolved = solve(anchor, beta)
        reports.append(deconvolved[1:])
        restored = prior(deconvolved.value, observed)
        anchor = as_like("prior(deconvolved, observed)", restored, "observed", observed)
    return Solution(anchor, *(tf.stack(report) for report in zip(*reports, strict=True)))


def _checked_betas(betas, observed: tf.Tensor) -> list[tf.Tensor]:
    try:
        betas = list(betas)
    except TypeError as error:
        raise InvalidInput(
            f"`betas` must be a sequence, one entry per level. Received: betas={betas!r}"
        ) from error
    if not betas:
        raise InvalidInput("`betas` must have at least one level. Received: betas=[]")
    return [checked_beta(b, observed, f"betas[{level}]") for level, b in enumerate(betas)]
