"""The first step of a process: until it is done, Ctrl-C has nothing to wait for."""

import keras


class Begun(keras.callbacks.Callback):
    """Tells a `backup.GracefulInterrupt` when the first step is done.

    Args:
        interrupt: its `begun` is set to False when training begins, to True after a step.
    """

    def __init__(self, interrupt):
        super().__init__()
        self.interrupt = interrupt

    def on_train_begin(self, logs=None):
        """From here on the first step is traced and compiled."""
        self.interrupt.begun = False

    def on_train_batch_end(self, batch, logs=None):
        """Steps that were done before a restart log nothing, and do not count."""
        if logs:
            self.interrupt.begun = True
