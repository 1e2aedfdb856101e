import time
from typing import NamedTuple

import keras

from keras_simmim import backend


class StepTimes(NamedTuple):
    """What the first step or look, which compiles, and later ones take, in seconds."""

    first: float
    later: float


class _StepClock(keras.callbacks.Callback):
    """Notes when steps end, and stops training some seconds after the second."""

    # The second may still allocate, or compile for another layout.
    SETTLED = 2

    def __init__(self, seconds: float, least: int = 5):
        super().__init__()
        self.seconds = seconds
        self.least = least
        self.ends: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.monotonic())
        timed = len(self.ends) - self.SETTLED
        ends = timed >= self.least and self.ends[-1] - self.ends[self.SETTLED - 1] >= self.seconds
        # Of several processes none may go on alone.
        if backend.same_on_all(int(ends)):
            self.model.stop_training = True

    def mean(self) -> float:
        later = self.ends[self.SETTLED - 1 :]
        return (later[-1] - later[0]) / (len(later) - 1)


def time_steps(
    model: keras.Model, batches: keras.utils.PyDataset, seconds: float = 10.0
) -> StepTimes:
    """Times training steps and leaves the weights and seeds as they were.

    Args:
        model: compiled model; its optimizer must be made anew afterwards.
        batches: what `fit` takes; may be fewer than the steps.
        seconds: how long to go on after the first two steps.

    Returns:
        Time of the first step, with compilation, and the mean of those after the second, as `fit`
        runs them: with its waits for batches, callbacks and breaks between epochs.
    """
    before = [keras.ops.convert_to_numpy(variable.value) for variable in model.variables]
    clock = _StepClock(seconds)
    start = time.monotonic()
    # The clock ends it.
    model.fit(batches, epochs=1_000_000, shuffle=False, verbose=0, callbacks=[clock])
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    return StepTimes(clock.ends[0] - start, clock.mean())
