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
    assert times.first > times.later > 0
    assert int(model.optimizer.iterations) == 7
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable.value), value)
