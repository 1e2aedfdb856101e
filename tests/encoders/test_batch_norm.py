import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders import BatchNorm


def random_inputs(*shape):
    return np.random.default_rng(0).normal(2.0, 3.0, shape).astype("float32")


def trained(layer, inputs, targets):
    """The layer's weights and output after two training steps."""
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    for _ in range(2):
        model.train_on_batch(inputs, targets)
    outputs = keras.ops.convert_to_numpy(layer(inputs, training=True)).astype("float32")
    return [keras.ops.convert_to_numpy(w) for w in layer.weights], outputs


@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (8, 3), (4, 5, 3), (1, 3)])
def test_trains_as_the_layer_of_keras_does(shape):
    inputs, targets = random_inputs(*shape), random_inputs(*shape) ** 2 / 9
    ours, outputs = trained(BatchNorm(momentum=0.8, epsilon=1e-3), inputs, targets)
    theirs, expected = trained(
        keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3), inputs, targets
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("arguments", [{"scale": False}, {"center": False}])
def test_without_gamma_or_beta(arguments):
    inputs, targets = random_inputs(6, 4, 5, 3), random_inputs(6, 4, 5, 3) ** 2 / 9
    arguments = {"momentum": 0.8, "epsilon": 1e-3, **arguments}
    ours, outputs = trained(BatchNorm(**arguments), inputs, targets)
    theirs, expected = trained(keras.layers.BatchNormalization(**arguments), inputs, targets)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_is_the_formula():
    layer, x = BatchNorm(momentum=0.9, epsilon=1e-5), random_inputs(7, 2, 3, 4)
    outputs = keras.ops.convert_to_numpy(layer(x, training=True))
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    np.testing.assert_allclose(outputs, (x - mean) / np.sqrt(variance + 1e-5), atol=1e-5)
    moving = keras.ops.convert_to_numpy(layer.moving_variance)
    np.testing.assert_allclose(moving, 0.9 + 0.1 * variance, rtol=1e-5)


def test_frozen_it_uses_the_moving_statistics():
    layer, x = BatchNorm(epsilon=1e-5), random_inputs(7, 4)
    layer.trainable = False
    outputs = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(outputs, x / np.sqrt(1 + 1e-5), rtol=1e-5)


def test_layer_contract():
    check_layer(BatchNorm, random_inputs(4, 6, 6, 3), (4, 6, 6, 3))


def test_statistics_stay_precise_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    layer = BatchNorm(momentum=0.0)
    x = random_inputs(512, 8, 8, 2)
    outputs = layer(x, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer.moving_variance), x.var(axis=(0, 1, 2)), rtol=1e-2
    )


@pytest.mark.parametrize("arguments", [{"axis": 1}, {"renorm": True}])
def test_rejects_what_it_does_not_compute(arguments):
    with pytest.raises(ValueError, match="use `keras.layers.BatchNormalization`"):
        BatchNorm(**arguments)


def test_all_in_bfloat16():
    layer, x = BatchNorm(dtype="bfloat16"), random_inputs(64, 4)
    outputs = keras.ops.convert_to_numpy(layer(x, training=True)).astype("float32")
    np.testing.assert_allclose(outputs, (x - x.mean(axis=0)) / x.std(axis=0), atol=0.05)
    moving = keras.ops.convert_to_numpy(layer.moving_mean).astype("float32")
    np.testing.assert_allclose(moving, 0.1 * x.mean(axis=0), rtol=0.02)


def test_trains_in_float64():
    """On JAX, which has none unless it is told to, in float32."""
    layer, x = BatchNorm(momentum=0.5, dtype="float64"), random_inputs(7, 2, 3, 4).astype("float64")
    outputs = keras.ops.convert_to_numpy(layer(x, training=True))
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + 1e-5)
    moving = keras.ops.convert_to_numpy(layer.moving_variance)
    tolerance = 1e-12 if moving.dtype == "float64" else 1e-5
    assert (moving.dtype == "float64") == (keras.backend.backend() != "jax")
    np.testing.assert_allclose(outputs, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(moving, 0.5 + 0.5 * variance, rtol=tolerance)
