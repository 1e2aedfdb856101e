import time

import keras
import numpy as np
import pytest

from keras_simmim.datasets import ArrayBatches
from keras_simmim.runs.epoch_facts import EpochFacts


class SlowBatches(ArrayBatches):
    """Takes so long for each batch of one image that a busy machine makes no difference."""

    def load_step(self, step):
        time.sleep(0.3)
        images, *_ = super().load_step(step)
        return images, images


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def facts(model, batches, *callbacks):
    """What is logged of the second epoch: the first compiles."""
    callbacks = [*callbacks, EpochFacts(batches)]
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0, callbacks=callbacks).history
    return {name: values[1] for name, values in history.items()}


def test_training_that_waits_says_so(model):
    logs = facts(model, SlowBatches(np.zeros((5, 1), "float32"), batch_size=1))
    assert logs["input_wait"] > 0.7
    assert logs["images_per_second"] < 10
    assert logs["learning_rate"] == pytest.approx(0.01)


def test_training_that_need_not_wait_says_so(model):
    class SlowStep(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            time.sleep(0.05)

    images = np.zeros((8, 1), "float32")
    logs = facts(model, ArrayBatches(images, images, batch_size=1), SlowStep())
    assert 0 <= logs["input_wait"] < 0.4
