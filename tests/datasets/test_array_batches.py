import keras
import numpy as np
import pytest
from keras import ops
from recorder import Recorder, number_images, record

from keras_simmim.datasets import ArrayBatches, batches
from keras_simmim.datasets.order import batch_indices

IMAGES = number_images(11, 1)


def expected(steps, batch_size, seed=0):
    return np.stack([batch_indices(step, 11, batch_size, seed=seed) for step in steps])


# Three steps an epoch, a pass; four, an epoch and a third; one; and epochs of one whole pass.
@pytest.mark.parametrize("built", [True, False], ids=["built", "unbuilt"])
@pytest.mark.parametrize("batch_size, steps_per_epoch", [(3, None), (3, 4), (3, 1), (11, None)])
def test_fit_sees_the_global_order(batch_size, steps_per_epoch, built):
    dataset = ArrayBatches(IMAGES, batch_size=batch_size, seed=5, steps_per_epoch=steps_per_epoch)
    steps = 3 * len(dataset)
    seen = record(dataset, 3, steps, built)
    np.testing.assert_array_equal(seen, expected(range(steps), batch_size, seed=5))


@pytest.mark.parametrize("steps_per_epoch", [1, 4])
def test_a_resumed_fit_goes_on_with_the_order(steps_per_epoch):
    first_step = 2 * steps_per_epoch
    dataset = ArrayBatches(
        IMAGES, batch_size=3, steps_per_epoch=steps_per_epoch, first_step=first_step
    )
    seen = record(dataset, 4, first_step, initial_epoch=2)
    np.testing.assert_array_equal(seen, expected(range(first_step, 2 * first_step), 3))


def test_a_second_fit_goes_on_with_the_order():
    dataset = ArrayBatches(IMAGES, batch_size=3)
    record(dataset, 2, 6)
    np.testing.assert_array_equal(record(dataset, 2, 6), expected(range(6, 12), 3))


def test_setting_the_epoch():
    dataset = ArrayBatches(IMAGES, batch_size=3)
    dataset.epoch = 5
    np.testing.assert_array_equal(record(dataset, 6, 3, initial_epoch=5), expected([15, 16, 17], 3))


def test_validation_does_not_disturb_the_order():
    dataset = ArrayBatches(IMAGES, batch_size=3)
    validation = ArrayBatches(IMAGES, batch_size=5, shuffle=False, drop_last=False)
    seen = record(dataset, 3, 9, validation_data=validation)
    np.testing.assert_array_equal(seen, expected(range(9), 3))


def test_an_epoch_that_was_broken_off_begins_again():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    dataset = ArrayBatches(IMAGES, batch_size=1)  # more than is fetched ahead
    model = Recorder(11, 1)
    model.compile()
    model.fit(dataset, epochs=1, verbose=0, shuffle=False, callbacks=[Stop()])
    assert int(ops.convert_to_numpy(model.step)) == 1
    assert dataset.epoch == 0


def test_batches_keep_dtype_and_labels():
    labels = np.arange(11) % 3
    images, batch_labels = ArrayBatches(IMAGES, labels, batch_size=4, seed=1)[1]
    assert images.dtype == "uint8" and images.shape == (4, 1)
    np.testing.assert_array_equal(batch_labels, labels[images[:, 0]])
    assert len(ArrayBatches(IMAGES, batch_size=4)[0]) == 1


def test_a_process_reads_its_part_and_whole_batches_where_they_are_asked_for(monkeypatch):
    dataset = ArrayBatches(IMAGES, batch_size=4, shuffle=False, drop_last=False)
    monkeypatch.setattr(batches.backend, "device_count", lambda: 2)
    monkeypatch.setattr(batches.backend, "data_part", lambda: (1, 2))
    assert [len(dataset[i][0]) for i in range(3)] == [2, 2, 1]
    whole = dataset.whole()
    np.testing.assert_array_equal(np.concatenate([whole[i][0] for i in range(3)]), IMAGES)
    assert len(dataset[0][0]) == 2


def test_the_last_batch_may_be_kept():
    dataset = ArrayBatches(IMAGES, batch_size=4, shuffle=False, drop_last=False)
    assert [len(dataset[i][0]) for i in range(len(dataset))] == [4, 4, 3]
    with pytest.raises(IndexError):
        dataset[3]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"batch_size": 0},
        {"batch_size": 12},
        {"batch_size": 4, "steps_per_epoch": 0},
        {"batch_size": 4, "seed": -1},
        {"batch_size": 4, "first_step": -1},
        {"batch_size": 4, "labels": np.zeros(10, int)},
    ],
)
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match="Received"):
        ArrayBatches(IMAGES, **kwargs)
