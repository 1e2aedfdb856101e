import inspect

import keras
import numpy as np
import pytest

import keras_simmim as ks

if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow's datasets alone tune themselves", allow_module_level=True)

from keras_simmim.backend.tensorflow.prepare_data import prepare_data

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3)).astype("uint8")


def arguments_of_fit(*args, **kwargs):
    call = inspect.signature(keras.Model().fit).bind(*args, **kwargs)
    call.apply_defaults()
    return call.arguments


def batches_of(adapter):
    return [[part.numpy() for part in batch] for batch in adapter.get_tf_dataset()]


def test_arrays():
    labels = np.arange(10)
    arguments = arguments_of_fit(IMAGES, labels, batch_size=4, shuffle=False, epochs=3)
    changed = prepare_data(arguments)
    assert changed["x"].get_tf_dataset().options().autotune.enabled is False
    assert changed["x"].num_batches == 3 and changed["epochs"] == 3
    (x, y), _, (_, last) = batches_of(changed["x"])
    np.testing.assert_array_equal(x, IMAGES[:4])
    np.testing.assert_array_equal(y, labels[:4])
    np.testing.assert_array_equal(last, labels[8:])


def test_py_dataset():
    dataset = ks.datasets.ArrayBatches(IMAGES, batch_size=5, shuffle=False)
    adapter = prepare_data(arguments_of_fit(dataset, shuffle=False))["x"]
    assert adapter.get_tf_dataset().options().autotune.enabled is False
    (x,), _ = batches_of(adapter)
    np.testing.assert_array_equal(x, IMAGES[:5])


def test_a_dataset_of_the_user_tunes_itself_as_it_is_told_to():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).batch(5)
    adapter = prepare_data(arguments_of_fit(dataset))["x"]
    assert adapter.get_tf_dataset().options().autotune.enabled is not False


def test_validation_split():
    arguments = prepare_data(arguments_of_fit(IMAGES, validation_split=0.3, shuffle=False))
    assert arguments["validation_split"] == 0
    for name, images in (("x", IMAGES[:7]), ("validation_data", IMAGES[7:])):
        (batch,) = arguments[name].get_tf_dataset()
        np.testing.assert_array_equal(batch, images)
