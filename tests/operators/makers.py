"""The described semantics of K once more, in float64 loops that share no code with the package."""

import math

import numpy as np


def reference_kernel(u, v, rasterizer="gong2018"):
    """`{(row offset, column offset): weight}` of one pixel, straight from the description."""
    mag = math.sqrt(u * u + v * v)
    er, ec = (v / mag, u / mag) if mag > 0 else (1.0, 0.0)
    half = (mag - 1) / 2
    weights = {}
    reach_k, reach_l = math.floor(half * abs(er) + 1), math.floor(half * abs(ec) + 1)
    for k in range(-reach_k, reach_k + 1):
        for l in range(-reach_l, reach_l + 1):  # noqa: E741
            d = k * ec - l * er
            distance = abs(d)
            if distance <= 1 and math.sqrt(k * k + l * l) >= half:
                if rasterizer == "fspecial":
                    t = abs(k * er + l * ec)
                elif er == 0:
                    t = abs(l)
                else:
                    t = abs(k + d * ec) / abs(er)
                distance = math.hypot(d, half - t)
            if distance < 1:
                weights[k, l] = 1 - distance
    total = sum(weights.values())
    return {offset: weight / total for offset, weight in weights.items()}


def reference_blur(image, flow, rasterizer="gong2018"):
    """K x for `(height, width, channels)`, gathered pixel by pixel."""
    result = np.zeros(image.shape)
    for (row, column), there, weights in _taps(flow, rasterizer):
        result[row, column] = weights @ image[there].astype(np.float64)
    return result


def reference_adjoint(image, flow, rasterizer="gong2018"):
    """K^T x for `(height, width, channels)`, scattered pixel by pixel."""
    result = np.zeros(image.shape)
    for (row, column), there, weights in _taps(flow, rasterizer):
        np.add.at(result, there, weights[:, None] * image[row, column].astype(np.float64))
    return result


def _taps(flow, rasterizer):
    height, width = flow.shape[:2]
    known = {}
    for row in range(height):
        for column in range(width):
            key = tuple(float(part) for part in flow[row, column])
            if key not in known:
                kernel = reference_kernel(*key, rasterizer)
                known[key] = np.array(list(kernel)), np.array(list(kernel.values()))
            offsets, weights = known[key]
            rows = np.clip(row + offsets[:, 0], 0, height - 1)
            columns = np.clip(column + offsets[:, 1], 0, width - 1)
            yield (row, column), (rows, columns), weights


def every_integer_flow(extent, seed=0):
    """A flow map `(rows, columns, 2)` that holds every (u, v), -extent..extent, u >= 0, once.

    In random order, so that long lines meet all borders and corners.
    """
    pairs = [(u, v) for u in range(extent + 1) for v in range(-extent, extent + 1)]
    order = np.random.default_rng(seed).permutation(len(pairs))
    return np.array(pairs, np.float32)[order].reshape(extent + 1, 2 * extent + 1, 2)


def normalised_gap(forward, backward, x, y):
    """|<Kx, y> - <x, K^T y>| / (|Kx| |y|): not over the inner product, which may be near 0."""
    kx, kty = np.asarray(forward(x), np.float64), np.asarray(backward(y), np.float64)
    x, y = x.astype(np.float64), y.astype(np.float64)
    return abs(np.vdot(kx, y) - np.vdot(x, kty)) / (np.linalg.norm(kx) * np.linalg.norm(y))
