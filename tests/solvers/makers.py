"""A small linear operator whose matrix is known, and the systems made of it."""

import numpy as np
import tensorflow as tf


class Dense:
    """Operator given by a square matrix over the pixels of each channel."""

    def __init__(self, matrix):
        self.matrix = tf.convert_to_tensor(matrix)

    def apply(self, image):
        return self._product(self.matrix, image)

    def adjoint(self, image):
        return self._product(tf.transpose(self.matrix), image)

    def _product(self, matrix, image):
        batch, height, width, channels = tf.unstack(tf.shape(image))
        flat = tf.reshape(image, [batch, height * width, channels])
        return tf.reshape(tf.einsum("ij,bjc->bic", matrix, flat), tf.shape(image))


def blur_matrix(height, width, seed=0, dtype="float64"):
    """Rows of random weights >= 0 that sum to 1, heavy on the diagonal; not symmetric."""
    pixels = height * width
    weights = np.random.default_rng(seed).random((pixels, pixels)) ** 4
    weights /= weights.sum(axis=1, keepdims=True)
    return (0.5 * np.eye(pixels) + 0.5 * weights).astype(dtype)


def matrix_of(apply, height, width, dtype="float32"):
    """The matrix of an operator, by applying it to every unit vector (as a batch)."""
    pixels = height * width
    units = np.eye(pixels, dtype=dtype).reshape(pixels, height, width, 1)
    return np.asarray(apply(units)).reshape(pixels, pixels).T


def residual(apply, value, rhs):
    """|b - A x| / |b| per image, in float64."""
    difference = (np.asarray(rhs) - np.asarray(apply(value))).astype("float64")
    axes = tuple(range(1, difference.ndim))
    size = np.sqrt((np.asarray(rhs, "float64") ** 2).sum(axes))
    return np.sqrt((difference**2).sum(axes)) / np.where(size > 0, size, 1)
