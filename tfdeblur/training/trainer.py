"""What all trainers share: steps that resume, and joining values over images and replicas."""

import keras
import tensorflow as tf
from keras import ops

from tfdeblur.training.optimizers import calls_of


class Trainer(keras.Model):
    """A `keras.Model` that a run can train; see `run` for what is done with it.

    A subclass has `train_step`, and sets `network` or overrides it.

    Args:
        measures: iterable of str, the names of its running means.
        seed: int, of what is drawn in training steps.

    Attributes:
        trackers: dict of the running means that `fit` logs and resets at each epoch.
        stage: int, which part of the training goes on; `train_step` and `frame_metrics` are
            compiled anew when it changes.
        interrupt: `threading.Event` or None; work between steps that takes long raises
            KeyboardInterrupt once it is set.
    """

    interrupt = None

    def __init__(self, measures, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.trackers = {name: keras.metrics.Mean(name=name) for name in measures}
        self.stage = 0
        self._steps_to_skip = 0
        self._means_of_skipped = ()
        self.built = True  # all parts are; there are no weights of its own

    @property
    def metrics(self):
        """The running means that `fit` resets at each epoch."""
        return list(self.trackers.values())

    def frame_metrics(self, batch):
        """Measures the network on whole frames of any size.

        Args:
            batch: as `train_step` takes it, but of any height and width.

        Returns:
            dict of float32 `(batch,)`, by the names of the measures.
        """
        raise NotImplementedError

    def test_step(self, batch):
        """Tracks `frame_metrics`, for `evaluate`; a run validates by `callbacks.Validate`."""
        values = self.frame_metrics(batch)
        for name, value in values.items():
            self.trackers[name].update_state(value)
        return self._logs(only=values)

    def network_to_keep(self):
        """The network as far as it is trained, a `keras.Model` that can be saved and used."""
        return self.network

    def networks_beside(self):
        """Networks that learn too and are used with it: dict from the names of their files."""
        return {}

    def enter_epoch(self, epoch):
        """Is told of each epoch, from 0, before its first step."""

    @property
    def wants_backup(self):
        """Whether what comes before the next step takes so long that this one should be saved."""
        return False

    def batches(self, iterator):
        """What the next step takes its batch from; `iterator` is over the run's own stream."""
        return iterator

    def close(self):
        """Ends work beside the training, if there is any; no step follows."""

    def skip_steps(self, steps, means=()):
        """Makes the next `steps` training steps do nothing: they were done before a restart.

        The data stream must start behind them. `fit` counts them, so that the first epoch after
        a restart in its middle ends where it would have ended.

        Args:
            steps: int.
            means: floats, state of the running means after those steps, so that the epoch's
                means are over all of it; empty: they begin anew.
        """
        self._steps_to_skip = steps
        self._means_of_skipped = tuple(means)

    def reset_metrics(self):
        """Begins the means of an epoch; those of a restart in its middle go on."""
        super().reset_metrics()
        if self._steps_to_skip > 0 and len(self._means_of_skipped) == len(self.metrics_variables):
            for variable, value in zip(self.metrics_variables, self._means_of_skipped, strict=True):
                variable.assign(value)

    def epoch_means(self):
        """dict of float, the epoch's means so far, of all trackers that hold something."""
        sums = {  # of several replicas: over all of them
            name: tuple(
                float(ops.convert_to_numpy(variable)) for variable in (mean.total, mean.count)
            )
            for name, mean in self.trackers.items()
        }
        return {name: total / count for name, (total, count) in sums.items() if count}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: all is built, and Keras 3.15's own fails on several workers' batches."""

    def make_train_function(self, force=False):
        """Builds the compiled step; the wrapper around it skips what is already done."""
        if self.train_function is not None and not force:
            return self.train_function
        super().make_train_function(force)
        step = self.train_function

        def step_or_skip(iterator):
            if self._steps_to_skip > 0:
                self._steps_to_skip -= 1
                return {}
            return step(self.batches(iterator))

        self.train_function = step_or_skip
        return self.train_function

    def _mean(self, values):
        """Mean over the images of all replicas, as apply() sums the replicas' gradients."""
        return ops.mean(values) / tf.distribute.get_strategy().num_replicas_in_sync

    def _draw_alpha(self, images, optimizer):
        """One number in [0, 1) per image, a function of seed, step and replica alone.

        Not from a `SeedGenerator`: `save_weights` leaves its state out, and a resumed run would
        draw other points.

        Args:
            images: `(batch, ...)`.
            optimizer: whose calls are counted.

        Returns:
            float32 `(batch,)`.
        """
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        call = tf.cast(calls_of(optimizer).value, tf.int64)
        seed = tf.stack([tf.cast(self.seed, tf.int64) * 2**16 + tf.cast(replica, tf.int64), call])
        return tf.random.stateless_uniform(tf.shape(images)[:1], seed)

    @staticmethod
    def _apply(optimizer, tape, loss, variables):
        optimizer.apply(tape.gradient(loss, variables), variables)

    def _logs(self, only=None, without=()):
        # Over several workers Keras 3.15 takes the mean of logs along axis 0: give them one.
        workers = isinstance(
            tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy
        )
        return {
            name: tracker.result()[None] if workers else tracker.result()
            for name, tracker in self.trackers.items()
            if name not in without and (only is None or name in only)
        }
