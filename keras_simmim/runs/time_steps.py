import time
from typing import NamedTuple

import keras
import numpy as np


class StepTimes(NamedTuple):
    """What the first step or look, which compiles, and later ones take, in seconds."""

    first: float
    later: float


def time_steps(model: keras.Model, batches, seconds: float = 10.0) -> StepTimes:
    """Times training steps and leaves the weights and seeds as they were.

    Args:
        model: compiled model; its optimizer must be made anew afterwards.
        batches: sequence of batches that `train_on_batch` takes; used in a circle.
        seconds: how long to go on after the first steps, which compile.

    Returns:
        Time of the first step, with compilation, and the median of the later ones.
    """
    before = [keras.ops.convert_to_numpy(variable.value) for variable in model.variables]
    start = time.monotonic()
    model.train_on_batch(*batches[0])
    first = time.monotonic() - start
    # The second step may still allocate, or compile for another layout.
    model.train_on_batch(*batches[1 % len(batches)])
    times: list[float] = []
    while len(times) < 5 or sum(times) < seconds:
        start = time.monotonic()
        model.train_on_batch(*batches[len(times) % len(batches)])
        times.append(time.monotonic() - start)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    return StepTimes(first, float(np.median(times)))
