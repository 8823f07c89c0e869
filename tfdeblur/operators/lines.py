"""Geometry of every pixel's line, and the weight of a tap on it, as tensors.

A line is walked along its major axis, the one on which it is longer: s steps along it, and at
each step three taps, m = round(s * slope) + j with j in -1, 0, 1, cover every pixel nearer than
one pixel to the line, because slope <= 1. The kernel is point-symmetric, so half of the walk,
s >= 0, gives all weights.
"""

from typing import NamedTuple

import tensorflow as tf

NEIGHBOURS = (-1.0, 0.0, 1.0)  # j: taps across the line at one step along it


class Lines(NamedTuple):
    """The lines of some pixels; all tensors have the same shape, one entry per pixel.

    Attributes:
        by_rows: bool, whether the major axis is that of the rows (|v| >= |u|).
        slope: float32 in [-1, 1], minor offset per step along the major axis.
        steepness: float32 in [0.7, 1], cosine between line and major axis: distance to the
            line per pixel of minor offset.
        half: float32, (length - 1) / 2 pixels, negative below length 1.
        along_major, along_minor: float32; along_major * s + along_minor * m is the coordinate
            along the line, which decides how its ends fade (`kernels.line_kernel`).
        major_reach, minor_reach: float32 integers >= 0, largest offsets, pixels.
    """

    by_rows: tf.Tensor
    slope: tf.Tensor
    steepness: tf.Tensor
    half: tf.Tensor
    along_major: tf.Tensor
    along_minor: tf.Tensor
    major_reach: tf.Tensor
    minor_reach: tf.Tensor


def lines_of(flow: tf.Tensor, rasterizer: str) -> Lines:
    """Computes the lines of a flow map.

    Args:
        flow: float32 `(..., 2)`, (u, v), pixels.
        rasterizer: as in `kernels.line_kernel`.

    Returns:
        `Lines` of shape `(...)`.
    """
    u, v = tf.unstack(flow, axis=-1)
    length = tf.sqrt(u * u + v * v)
    still = tf.equal(length, 0.0)
    e_r = tf.where(still, tf.ones_like(v), tf.math.divide_no_nan(v, length))
    e_c = tf.math.divide_no_nan(u, length)
    half = (length - 1.0) / 2.0
    by_rows = tf.abs(e_r) >= tf.abs(e_c)
    major = tf.where(by_rows, e_r, e_c)
    minor = tf.where(by_rows, e_c, e_r)
    if rasterizer == "fspecial":
        along_rows, along_columns = e_r, e_c
    else:
        # |k + d e_c| / |e_r| with d = k e_c - l e_r, multiplied out. Where e_r = 0 the taps
        # off the line have weight 0 whatever this coordinate is.
        along_rows, along_columns = tf.math.divide_no_nan(1.0 + e_c * e_c, e_r), -e_c
    return Lines(
        by_rows=by_rows,
        slope=minor / major,
        steepness=tf.abs(major),
        half=half,
        along_major=tf.where(by_rows, along_rows, along_columns),
        along_minor=tf.where(by_rows, along_columns, along_rows),
        major_reach=_reach(half, major),
        minor_reach=_reach(half, minor),
    )


def _reach(half: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
    return tf.maximum(0.0, tf.floor(half * tf.abs(direction) + 1.0))


def tap_weights(lines: Lines, step: tf.Tensor, minor: tf.Tensor) -> tf.Tensor:
    """Weights of taps, before they are divided by their sum.

    Args:
        lines: of any shape that broadcasts against `step` and `minor`.
        step: float32, s, offset along the major axis, pixels.
        minor: float32, m, offset along the minor axis, pixels.

    Returns:
        float32 of the broadcast shape, in [0, 1]; 0 outside the kernel.
    """
    squared = tf.square(lines.steepness * (minor - step * lines.slope))
    beyond = tf.abs(lines.along_major * step + lines.along_minor * minor) - lines.half
    # The test on the radius against a negative `half`: all taps are beyond the ends.
    at_end = step * step + minor * minor >= tf.square(tf.maximum(lines.half, 0.0))
    squared += tf.where(at_end, beyond * beyond, tf.zeros_like(beyond))
    inside = (tf.abs(minor) <= lines.minor_reach) & (tf.abs(step) <= lines.major_reach)
    return tf.where(inside, tf.maximum(0.0, 1.0 - tf.sqrt(squared)), tf.zeros_like(squared))
