import time

import keras


class EpochFacts(keras.callbacks.Callback):
    """Adds to the logs of an epoch its learning rate and its speed in training images a second.

    Args:
        batch_size: images of a step.
    """

    def __init__(self, batch_size: int):
        super().__init__()
        self.batch_size = batch_size

    def on_epoch_begin(self, epoch, logs=None):
        self.steps = 0
        self.start = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.monotonic() - self.start
        logs["learning_rate"] = float(
            keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        )
        logs["images_per_second"] = self.steps * self.batch_size / seconds
