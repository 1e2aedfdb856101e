import keras
import numpy as np
import pytest

import keras_simmim as ks
from keras_simmim.runs.time_steps import time_steps


@pytest.fixture
def model():
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    model = ks.SimMIM(encoder=encoder)
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    return model


@pytest.fixture
def batches():
    """Three batches, fewer than the steps that are timed."""
    images = np.random.default_rng(0).integers(0, 256, (18, 8, 8, 3)).astype("uint8")
    return ks.datasets.ArrayBatches(images, batch_size=6)


def test_leaves_weights_and_seeds_as_they_were(model, batches):
    before = [keras.ops.convert_to_numpy(variable.value) for variable in model.variables]
    times = time_steps(model, batches, seconds=0.0)
    assert times.first > 0 and times.later > 0
    assert int(model.optimizer.iterations) == 7
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable.value), value)


def test_the_first_step_and_the_mean_after_the_second(model, batches, monkeypatch):
    clock = 0.0

    def fit(batches, callbacks, **kwargs):
        nonlocal clock
        callbacks[0].set_model(model)
        for seconds in (9.0, 5.0, 1.0, 2.0, 3.0, 4.0, 10.0, 1.0, 3.0, 100.0):
            clock += seconds
            callbacks[0].on_train_batch_end(0)
            if model.stop_training:
                return

    monkeypatch.setattr("time.monotonic", lambda: clock)
    monkeypatch.setattr(model, "fit", fit)
    model.stop_training = False
    # 20 s are over after 5 steps, 21 after 6.
    assert time_steps(model, batches, seconds=20.5) == (9.0, 21.0 / 6)
