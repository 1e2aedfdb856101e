from types import SimpleNamespace

import keras
import numpy as np

import keras_simmim as ks
from keras_simmim.runs.time_steps import time_steps


def test_leaves_weights_and_seeds_as_they_were():
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    model = ks.SimMIM(encoder=encoder)
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    before = [keras.ops.convert_to_numpy(variable.value) for variable in model.variables]
    rng = np.random.default_rng(0)
    batches = [(rng.integers(0, 256, (6, 8, 8, 3)).astype("uint8"),) for _ in range(2)]
    times = time_steps(model, batches, seconds=0.0)
    assert times.first > 0 and times.later > 0
    assert int(model.optimizer.iterations) == 7
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable.value), value)


def test_the_first_step_and_the_median_after_the_second(monkeypatch):
    clock = 0.0
    seconds = iter([9.0, 5.0, 1.0, 2.0, 3.0, 4.0, 100.0])

    def train_on_batch(batch):
        nonlocal clock
        clock += next(seconds)

    monkeypatch.setattr("time.monotonic", lambda: clock)
    model = SimpleNamespace(train_on_batch=train_on_batch, variables=[])
    assert time_steps(model, [(0,), (1,)], seconds=0.0) == (9.0, 3.0)
