"""Muon for kernels of any rank, with AdamW for what has no matrix (keras only).

`keras.optimizers.Muon` (3.15) gives AdamW to every variable that is not of rank 2, so to all
convolutions.
"""

import fnmatch
import math

import keras
from keras import ops

_QUINTIC = (3.4445, -4.775, 2.0315)
_NEWTON_SCHULZ_STEPS = 5
_RMS = 0.2  # of an update's entries: about AdamW's, so that one rate and decay suit both


@keras.saving.register_keras_serializable("tfdeblur")
class Muon(keras.optimizers.Optimizer):
    """Momentum whose steps are made orthogonal, kernel by kernel; AdamW for all else.

    A kernel of a dense layer or a convolution is a matrix, `(in, out)` or `(h w in, out)`. Its
    step is the rate times 0.2 sqrt(larger side) times the nearest matrix whose singular values
    are all about equal, found by five Newton-Schulz steps. Biases, norms, kernels of the layers
    that `adamw_layers` names, and kernels whose matrix has a side of 1 take AdamW's step at the
    same rate.

    Args:
        learning_rate: float or schedule, > 0.
        momentum: float in [0, 1), of Muon, as Nesterov's.
        beta_1, beta_2, epsilon: of AdamW.
        weight_decay: float >= 0 or None; decoupled, of all variables.
        adamw_layers: names of layers (`*` stands for anything) whose kernels take AdamW: heads,
            whose outputs are no features, and depthwise convolutions, each of whose channels has
            a kernel of its own.
        kwargs: as any Keras optimizer takes: clipping, EMA, accumulation, name.

    Raises:
        ValueError: if `momentum` is out of its range.

    Source: Jordan et al., "Muon", 2024, https://kellerjordan.github.io/posts/muon; the factor of
        the step: Liu et al., arXiv:2502.16982, section 2.2.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        momentum=0.95,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        weight_decay=None,
        adamw_layers=("head", "*depthwise*"),
        name="muon",
        **kwargs,
    ):
        super().__init__(
            learning_rate=learning_rate, weight_decay=weight_decay, name=name, **kwargs
        )
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={momentum!r}")
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.adamw_layers = tuple(adamw_layers)

    def build(self, variables):
        """Makes the moments: one per kernel, two per variable that takes AdamW."""
        if self.built:
            return
        super().build(variables)
        self._firsts, self._seconds = [], []  # None in the second list: takes Muon
        for variable in variables:
            second = None
            if not self.takes_muon(variable):
                second = self.add_variable_from_reference(variable, name="velocity")
            self._seconds.append(second)
            self._firsts.append(self.add_variable_from_reference(variable, name="momentum"))

    def takes_muon(self, variable):
        """Whether a `keras.Variable` takes Muon's step; AdamW's if not."""
        if len(variable.shape) < 2 or min(_matrix_shape(variable.shape)) == 1:
            return False
        layers = variable.path.split("/")[:-1]
        return not any(
            fnmatch.fnmatchcase(layer, name) for layer in layers for name in self.adamw_layers
        )

    def update_step(self, gradient, variable, learning_rate):
        """Moves one variable."""
        place = self._get_variable_index(variable)
        gradient = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype)
        first, second = self._firsts[place], self._seconds[place]
        if second is None:
            step = self._muon_step(gradient, first)
        else:
            step = self._adamw_step(gradient, first, second)
        self.assign_sub(variable, rate * step)

    def _muon_step(self, gradient, moment):
        shape = tuple(moment.shape)
        summed = self.momentum * moment + gradient
        self.assign(moment, summed)
        rows, columns = _matrix_shape(shape)
        matrix = ops.reshape(gradient + self.momentum * summed, (rows, columns))
        step = _RMS * math.sqrt(max(rows, columns)) * orthogonal(matrix)
        return ops.reshape(step, shape)

    def _adamw_step(self, gradient, first, second):
        step = ops.cast(self.iterations + 1, gradient.dtype)
        mean = first + (1 - self.beta_1) * (gradient - first)
        square = second + (1 - self.beta_2) * (ops.square(gradient) - second)
        self.assign(first, mean)
        self.assign(second, square)
        # Bias correction; powers of numbers, so that beta 0 is no 0^0 problem of a logarithm.
        mean = mean / (1 - ops.power(ops.cast(self.beta_1, gradient.dtype), step))
        square = square / (1 - ops.power(ops.cast(self.beta_2, gradient.dtype), step))
        return mean / (ops.sqrt(square) + self.epsilon)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "adamw_layers": list(self.adamw_layers),
        }


def orthogonal(matrix):
    """A matrix with the singular vectors of `matrix` and all singular values near 1.

    Args:
        matrix: float `(m, n)`, sizes known.

    Returns:
        float `(m, n)`; singular values that were above about 1e-3 of the matrix's norm come out
        between 0.7 and 1.2, smaller ones grow by up to 3.4445^5. Zeros stay zeros.

    Source: Jordan et al., 2024: the quintic that rises fastest at 0, five times.
    """
    wide = matrix.shape[0] < matrix.shape[1]
    x = matrix if wide else ops.transpose(matrix)  # the Gram matrix is of the smaller side
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
    a, b, c = _QUINTIC
    for _ in range(_NEWTON_SCHULZ_STEPS):
        gram = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * gram + c * ops.matmul(gram, gram), x)
    return x if wide else ops.transpose(x)


def _matrix_shape(shape):
    """(in, out) of a kernel's matrix, all axes but the last as one."""
    return math.prod(shape[:-1]), shape[-1]
