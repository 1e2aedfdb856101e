import math
import warnings

import keras

from keras_simmim.runs.not_finite import NotFinite


class StopOnBadSteps(keras.callbacks.Callback):
    """Ends training after some steps in a row whose loss is not finite.

    Gradients that overflow in mixed precision are not counted: the optimizer leaves out the update,
    and the losses stay finite.

    Args:
        steps_per_epoch: steps of a whole epoch.
        first_step: global step at which training goes on.
        count: bad steps in a row that end training.

    Raises:
        NotFinite: when training has ended by it; also when it has ended after fewer bad steps.
    """

    def __init__(self, steps_per_epoch: int, first_step: int = 0, count: int = 3):
        super().__init__()
        self.steps_per_epoch = steps_per_epoch
        self.first_step = first_step
        self.count = count
        self._bad: list[int] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = max(epoch * self.steps_per_epoch, self.first_step)

    def on_train_batch_begin(self, batch, logs=None):
        if self._bad:
            # The loss of the logs is a mean, which would stay as it is.
            self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        if math.isfinite(float(logs["loss"])):
            self._bad = []
            return
        step = self._begin + batch
        if not self._bad:
            warnings.warn(f"The loss of step {step + 1:,} is not finite.", stacklevel=2)
        self._bad.append(step)
        if len(self._bad) >= self.count:
            self._end()

    def on_train_end(self, logs=None):
        if self._bad:
            self._end()

    def _end(self):
        raise NotFinite(self._bad[0], len(self._bad))
