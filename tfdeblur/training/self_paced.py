"""Self-paced learning: how much each sample counts, and the state that decides it (keras only).

Source: Zhang et al., Bi-Skip: A Motion Deblurring Network Using Self-paced Learning, 2019,
section 4.3, Eqns 8 to 11 and algorithm 1; the regularizer is Li and Gong's, IJCAI 2017.

What to expect of it (a property of the paper's formulas, not of this code): as t comes
near T, q comes near 1 and the exponent 1 / (q - 1) grows to 2 (T + 1) / pi, 191 for T = 300.
Then v is almost 0 for all samples but those with losses far under the largest one.
"""

import numbers

import keras
import numpy as np
from keras import ops

from tfdeblur.errors import InvalidInput

HISTOGRAM_BINS = 10

# Below every gap q - 1 that float32 can hold above 1 (1.2e-7); keeps 1 / (q - 1) finite.
_SMALLEST_GAP = 1e-30


def pace_exponent(t, T):
    """Exponent of the self-paced regularizer: q(t) = tan((1 - t / (2 (T + 1))) pi / 2).

    Args:
        t: int (or integer array), epoch, 1..T.
        T: int >= 1, number of epochs of the whole training.

    Returns:
        float (or float64 array), greater than 1, falling with t. Dimensionless.

    Raises:
        InvalidInput: if `T` is below 1, or `t` lies outside 1..T.

    Source: Bi-Skip, Eqn 10.
    """
    if not isinstance(T, numbers.Integral) or T < 1:
        raise InvalidInput(f"`T` must be a whole number of epochs, at least 1. Received: T={T!r}")
    epochs = np.asarray(t)
    if epochs.dtype.kind not in "iuf" or not np.all((epochs >= 1) & (epochs <= T)):
        raise InvalidInput(
            f"`t` must be an epoch between 1 and T={T} (the first epoch is 1). Received: t={t!r}"
        )
    q = np.tan((1.0 - epochs / (2.0 * (T + 1))) * np.pi / 2.0)
    return float(q) if q.ndim == 0 else q


def self_paced_weights(losses, lam, q):
    """Weight of each sample: v = (1 - l / lambda)^(1 / (q - 1)) where l < lambda, else 0.

    Args:
        losses: float `(batch,)`, bi-level content loss of each sample, >= 0.
        lam: float or scalar tensor >= 0, the age lambda. Infinity gives v = 1.
        q: float or scalar tensor > 1, see `pace_exponent`.

    Returns:
        float32, shape of `losses`, in [0, 1]; a constant to the gradient. Finite whatever the
        losses: a NaN or infinite loss gets 0, and so does everything where lambda is 0.

    Raises:
        InvalidInput: if `lam` or `q` is a plain number out of its range.

    Source: Bi-Skip, Eqn 11, the minimiser over v in [0, 1] of
        v l + lambda (v^q / q - v), Eqns 8 and 9.
    """
    if isinstance(q, numbers.Real):
        if not q > 1:
            raise InvalidInput(f"`q` must be greater than 1. Received: q={q}")
        exponent = 1.0 / max(q - 1.0, _SMALLEST_GAP)
    else:
        exponent = 1.0 / ops.maximum(ops.cast(q, "float32") - 1.0, _SMALLEST_GAP)
    if isinstance(lam, numbers.Real) and not lam >= 0:
        raise InvalidInput(f"`lam` must be at least 0. Received: lam={lam}")
    return _weights(losses, lam, exponent)


def _weights(losses, lam, exponent):
    losses = ops.stop_gradient(ops.convert_to_tensor(losses, dtype="float32"))
    lam = ops.convert_to_tensor(lam, dtype="float32")
    counts = losses < lam  # false for NaN
    # Divide only where the quotient is used: 0 / 0 and inf / inf do not arise.
    share = ops.where(counts, losses, 0.0) / ops.where(counts, lam, 1.0)
    # log1p, not a power of 1 - share: for small losses that difference loses its digits, and
    # the exponent, hundreds late in training, multiplies the error.
    weights = ops.exp(exponent * ops.log1p(-ops.clip(share, 0.0, 1.0 - 1e-7)))
    return ops.stop_gradient(ops.where(counts, weights, 0.0))


@keras.saving.register_keras_serializable("tfdeblur")
class SelfPacedState(keras.layers.Layer):
    """Lambda, the running maximum and the epoch of self-paced learning, saved with the trainer.

    A trainer that keeps it as an attribute saves and restores its variables with its own
    weights (`save_weights`, `BackupAndRestore`). They are not trainable. All methods work
    eagerly and inside a `tf.function`.

    Args:
        epochs: int >= 1, T of Eqn 10, the epochs planned for the whole training (not for what
            is left of it after a restart). Training past the plan keeps t = T.
        normalise: bool, whether `sample_weights` rescales v to mean 1 over the batch window.
            The paper does not. With a window of one image every weight but 0 becomes 1.
        name: str, name of the layer.

    Attributes:
        lam: variable, float32 scalar, lambda; infinity in the first epoch.
        running_max: variable, float32 scalar, largest loss of this epoch so far.
        epoch: variable, integer scalar, t, 1..T.
        v_histogram: variable, float32 `(10,)`, how many weights of this epoch fell into
            [0, 0.1), [0.1, 0.2), ..., [0.9, 1]; v as Eqn 11 gives it, before `normalise`.

    Use, per step and at the end of each epoch:
        losses = content_loss.call(sharp, restored)
        v = state.sample_weights(losses)
        state.observe(losses)
        ...
        state.advance()   # after the histogram was written: this empties it

    Replicas: TensorFlow joins a variable's updates by sum, mean or first replica, never by
    maximum, so the caller gathers the losses of all replicas and passes them to both calls:
        window = tf.distribute.get_replica_context().all_gather(losses, axis=0)
        v = state.sample_weights(losses, window=window)
        state.observe(window)
    Every replica then computes the same update, and the first one's is kept. `advance` is
    called once, outside the replicas.

    Raises:
        InvalidInput: if `epochs` is not a whole number of at least 1.

    Source: Bi-Skip, algorithm 1 and the text below Eqn 11. The method is not called
        `weights`: that name is Keras's list of a layer's variables.
    """

    def __init__(self, epochs, normalise=False, name="self_paced_state", **kwargs):
        # Checked before the layer exists: T = 0 has no q.
        exponents = 1.0 / (pace_exponent(np.arange(1, _whole(epochs) + 1), int(epochs)) - 1.0)
        kwargs = {**kwargs, "trainable": False, "dtype": "float32"}
        super().__init__(name=name, **kwargs)
        self.epochs = int(epochs)
        self.normalise = bool(normalise)
        # 1 / (q - 1) of every epoch, from float64: near T, q - 1 has few digits in float32.
        self._exponents = exponents.astype("float32")
        self.lam = self._variable("lam", np.inf)
        self.running_max = self._variable("running_max", 0.0)
        self.epoch = self._variable("epoch", 1, dtype="int")
        self.v_histogram = self._variable("v_histogram", 0.0, shape=(HISTOGRAM_BINS,))
        self.built = True

    def _variable(self, name, value, shape=(), dtype="float32"):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.Constant(value),
            dtype=dtype,
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def sample_weights(self, losses, window=None, training=True):
        """Weight v of each sample, Eqn 11 at this epoch's lambda and q.

        Args:
            losses: float `(batch,)`, bi-level content loss of each sample, >= 0.
            window: float `(n,)`, losses of all samples of the step, on all replicas; None
                means `losses`. `normalise` and the histogram look at these.
            training: bool, whether the weights are counted in `v_histogram`.

        Returns:
            float32 `(batch,)`, a constant to the gradient; in [0, 1], or with `normalise`
            any size, mean 1 over the window. Where all of the window is 0 it stays 0.
        """
        exponent = ops.take(self._exponents, ops.clip(self.epoch - 1, 0, self.epochs - 1))
        weights = _weights(losses, self.lam, exponent)
        all_weights = weights if window is None else _weights(window, self.lam, exponent)
        if training:
            self._count(all_weights)
        if self.normalise:
            mean = ops.mean(all_weights)
            weights = ops.where(mean > 0.0, weights / ops.where(mean > 0.0, mean, 1.0), 0.0)
        return weights

    def _count(self, weights):
        bins = ops.cast(ops.floor(weights * HISTOGRAM_BINS), "int32")
        bins = ops.clip(ops.reshape(bins, (-1,)), 0, HISTOGRAM_BINS - 1)
        counts = ops.sum(ops.one_hot(bins, HISTOGRAM_BINS, dtype="float32"), axis=0)
        self.v_histogram.assign(self.v_histogram + counts)

    def observe(self, losses):
        """Notes the losses of a step: the running maximum rises to the largest of them.

        Args:
            losses: float, any shape: the losses of all samples of the step, on all replicas.
                NaN and infinity are passed over; one of them would otherwise be lambda, and
                with it the weights of a whole epoch.
        """
        losses = ops.stop_gradient(ops.convert_to_tensor(losses, dtype="float32"))
        losses = ops.where(ops.isfinite(losses), losses, 0.0)
        largest = ops.maximum(ops.convert_to_tensor(self.running_max), ops.max(losses))
        self.running_max.assign(largest)

    def advance(self):
        """Ends an epoch: lambda <- running maximum, which starts again; t <- t + 1, at most T.

        Where nothing above 0 was observed, lambda stays: 0 would switch every sample off.
        Empties `v_histogram`.
        """
        # Tensors first: JAX's functions do not take Keras variables.
        largest, lam = ops.convert_to_tensor(self.running_max), ops.convert_to_tensor(self.lam)
        self.lam.assign(ops.where(largest > 0.0, largest, lam))
        self.running_max.assign(0.0)
        self.epoch.assign(ops.minimum(self.epoch + 1, self.epochs))
        self.v_histogram.assign(np.zeros(HISTOGRAM_BINS, "float32"))

    def enter(self, epoch):
        """Sets t, the epoch, counted from 1: what `advance` does but where T has grown since."""
        self.epoch.assign(min(epoch, self.epochs))

    def call(self, losses, training=False):
        """`sample_weights`, for those who treat this as a layer."""
        return self.sample_weights(losses, training=training)

    def get_config(self):
        """Constructor arguments as plain values; the state is in the weights."""
        return {"epochs": self.epochs, "normalise": self.normalise, "name": self.name}


def _whole(epochs):
    if not isinstance(epochs, numbers.Integral) or epochs < 1:
        raise InvalidInput(
            "`epochs` must be the number of epochs planned, a whole number of at least 1. "
            f"Received: epochs={epochs!r}"
        )
    return int(epochs)
