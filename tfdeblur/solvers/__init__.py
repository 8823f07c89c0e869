"""Solvers for linear operators: conjugate gradients, deconvolution, half-quadratic splitting."""

from tfdeblur.solvers.conjugate_gradient import conjugate_gradient
from tfdeblur.solvers.deconvolve import deconvolve
from tfdeblur.solvers.hqs import half_quadratic
from tfdeblur.solvers.solution import Solution

__all__ = ["Solution", "conjugate_gradient", "deconvolve", "half_quadratic"]
