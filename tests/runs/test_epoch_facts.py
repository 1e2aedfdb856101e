import threading
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from keras_simmim.datasets import ArrayBatches
from keras_simmim.runs import epoch_facts
from keras_simmim.runs.epoch_facts import EpochFacts

HERE = threading.get_ident()
ELSEWHERE = HERE + 1


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


@pytest.mark.parametrize(
    "thread, loads, input_wait",
    [
        # Steps end at 3, 6 and 9, the epoch at 10.
        (HERE, [(0, 1), (3, 4.5), (6, 7)], 0.35),
        (ELSEWHERE, [(0, 1), (1, 2), (2, 3)], 0.1),  # one waited for, two made during the first
        (ELSEWHERE, [(0, 1), (1, 4), (4, 8)], 0.4),  # late by 1 and by 2
        (ELSEWHERE, [(0, 1), (5, 5.5), (6, 8)], 0.35),  # asked for late, as while compiling
    ],
    # A thread's own number differs from run to run.
    ids=["here", "elsewhere", "late", "asked for late"],
)
def test_wait_by_the_clock(model, monkeypatch, thread, loads, input_wait):
    loads = [SimpleNamespace(thread=thread, start=start, end=end) for start, end in loads]
    callback = EpochFacts(SimpleNamespace(loads=loads, batch_size=4), started=-110)
    callback.set_model(model)
    times = iter([0, 3, 6, 9, 10])
    monkeypatch.setattr(epoch_facts, "time", SimpleNamespace(monotonic=lambda: next(times)))

    callback.on_epoch_begin(0)
    for step in range(3):
        callback.on_train_batch_end(step)
    callback.on_epoch_end(0, logs := {})

    assert logs["input_wait"] == pytest.approx(input_wait)
    assert logs["images_per_second"] == pytest.approx(1.2)
    assert logs["learning_rate"] == pytest.approx(0.01)
    assert logs["minutes"] == pytest.approx(2)


def test_fit_tells_of_every_batch_when_it_was_made(model):
    """What the wait is computed from, on the backend's own threads."""
    images = np.zeros((8, 1), "float32")
    batches = ArrayBatches(images, images, batch_size=1)
    assert 0 <= facts(model, batches)["input_wait"] <= 1
    assert sorted(batches.loads) == list(range(8))
    assert all(load.start <= load.end for load in batches.loads.values())
