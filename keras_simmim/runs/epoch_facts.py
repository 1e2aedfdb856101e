import threading
import time

import keras

from keras_simmim.datasets import Batches


class EpochFacts(keras.callbacks.Callback):
    """Adds to the logs of an epoch its learning rate, its speed, its wait for input and the time.

    `images_per_second` counts training images; `input_wait` is the share of the epoch, 0...1, in
    which training waited for images: they were being made by the thread that trains, or by another
    one after the last step had ended. `minutes` is the wall time of the run so far.

    Args:
        batches: what `fit` trains on.
        started: `time.monotonic()` when the run began; None: when training begins.
    """

    def __init__(self, batches: Batches, started: float | None = None):
        super().__init__()
        self.batches = batches
        self.started = started

    def on_train_begin(self, logs=None):
        if self.started is None:
            self.started = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.steps = 0
        self.waited = 0.0
        self.start = self.step_end = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        load = self.batches.loads[batch]
        if load.thread == threading.get_ident():
            self.waited += load.end - load.start
        else:
            # Asked for late, as while a step is compiled, it only counts from then on.
            self.waited += max(0.0, load.end - max(load.start, self.step_end))
        self.steps = batch + 1
        self.step_end = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        seconds = now - self.start
        logs["learning_rate"] = float(
            keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        )
        logs["images_per_second"] = self.steps * self.batches.batch_size / seconds
        logs["input_wait"] = self.waited / seconds
        logs["minutes"] = (now - self.started) / 60
