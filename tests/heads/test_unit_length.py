import keras
import numpy as np

from keras_simmim.heads.unit_length import unit_length


def test_divides_by_the_length():
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    expected = x / np.sqrt((x**2).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(unit_length(keras.ops.convert_to_tensor(x)), expected, rtol=1e-6)


def test_gradient_at_length_0_is_finite():
    """Trained through a vector that a ReLU leaves at 0, a weight stays finite."""
    layer = keras.layers.Dense(4, use_bias=False, activation="relu", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Lambda(unit_length)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    model.train_on_batch(np.ones((2, 3), "float32"), np.ones((2, 4), "float32"))
    assert np.all(np.isfinite(keras.ops.convert_to_numpy(layer.kernel)))
