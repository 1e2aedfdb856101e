import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, normal, seeds

from keras_simmim.heads.unit_length import unit_length


def test_divides_by_the_length():
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    expected = x / np.sqrt((x**2).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(unit_length(keras.ops.convert_to_tensor(x)), expected, rtol=1e-6)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.sampled_from([1e-3, 1.0, 1e6, 1e15]),
    seeds,
)
def test_of_any_shape_and_length(shape, scale, seed):
    x = normal(shape, seed, scale)
    x = np.where(np.abs(x) < 1e-4, scale, x).astype("float32")
    divide = compiled(unit_length)
    lengths = np.linalg.norm(divide(x), axis=-1)
    np.testing.assert_allclose(lengths, np.ones_like(lengths), rtol=1e-5)
    np.testing.assert_allclose(divide(divide(x)), divide(x), atol=1e-6)


def test_gradient_at_length_0_is_finite():
    """Trained through a vector that a ReLU leaves at 0, a weight stays finite."""
    layer = keras.layers.Dense(4, use_bias=False, activation="relu", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Lambda(unit_length)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    model.train_on_batch(np.ones((2, 3), "float32"), np.ones((2, 4), "float32"))
    assert np.all(np.isfinite(keras.ops.convert_to_numpy(layer.kernel)))
