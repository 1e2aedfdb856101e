import time

import keras
import numpy as np
import pytest

from keras_simmim.datasets import ArrayBatches
from keras_simmim.runs.epoch_facts import EpochFacts


class SlowBatches(ArrayBatches):
    """Takes a tenth of a second for each batch of one image."""

    def load_step(self, step):
        time.sleep(0.1)
        images, *_ = super().load_step(step)
        return images, images


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def facts(model, batches):
    """What is logged of the second epoch: the first compiles."""
    history = model.fit(
        batches, epochs=2, shuffle=False, verbose=0, callbacks=[EpochFacts(batches)]
    ).history
    return {name: values[1] for name, values in history.items()}


def test_training_that_waits_says_so(model):
    logs = facts(model, SlowBatches(np.zeros((8, 1), "float32"), batch_size=1))
    assert logs["input_wait"] > 0.7
    assert logs["images_per_second"] < 10
    assert logs["learning_rate"] == pytest.approx(0.01)


def test_training_that_need_not_wait_says_so(model):
    class SlowStep(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            time.sleep(0.05)

    images = np.zeros((8, 1), "float32")
    batches = ArrayBatches(images, images, batch_size=1)
    history = model.fit(
        batches,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[SlowStep(), EpochFacts(batches)],
    ).history
    assert 0 <= history["input_wait"][1] < 0.4
