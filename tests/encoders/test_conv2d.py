import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders import Conv2D


def random_inputs(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def trained(make_layer, inputs, targets):
    """The weights after two training steps of a network in which the layer comes second."""
    keras.utils.set_random_seed(1)
    first = keras.layers.Conv2D(3, 1)
    model = keras.Sequential([keras.Input(inputs.shape[1:]), first, make_layer()])
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    for _ in range(2):
        model.train_on_batch(inputs, targets)
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 4), (2, 2), (2, 5), (4, 4), (7, 9)])
@pytest.mark.parametrize(
    "kernel_size, stride", [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (4, 1), (7, 1), (7, 2)]
)
def test_trains_as_the_layer_of_keras_does(size, kernel_size, stride):
    inputs = random_inputs(4, *size, 3)
    targets = random_inputs(4, -(-size[0] // stride), -(-size[1] // stride), 5)
    arguments = {"strides": stride, "kernel_initializer": "he_normal"}
    ours = trained(lambda: Conv2D(5, kernel_size, **arguments), inputs, targets)
    arguments |= {"padding": "same", "use_bias": False}
    theirs = trained(lambda: keras.layers.Conv2D(5, kernel_size, **arguments), inputs, targets)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 3), (2, 2)])
def test_gradients_in_bfloat16_are_those_in_float32(size):
    """oneDNN's of a single column were whatever lay in memory, so several times."""
    inputs, targets = (
        random_inputs(64, *size, 16),
        random_inputs(64, *(-(-n // 2) for n in size), 8),
    )
    steps, start = [], None
    for dtype in ("float32", *["mixed_bfloat16"] * 6):
        layer = Conv2D(8, 3, strides=2, dtype=dtype)
        model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
        start = model.get_weights() if start is None else start
        model.set_weights(start)
        model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
        model.train_on_batch(inputs, targets)
        steps.append(model.get_weights()[0] - start[0])
    for step in steps[1:]:
        np.testing.assert_allclose(step, steps[0], atol=0.02 * np.abs(steps[0]).max())


@pytest.mark.parametrize("arguments", [{"dilation_rate": 2}, {"groups": 3}])
def test_what_the_fast_kernel_lacks_is_left_to_keras(arguments):
    inputs = random_inputs(2, 7, 9, 3)
    ours = Conv2D(6, 3, **arguments)
    theirs = keras.layers.Conv2D(6, 3, padding="same", use_bias=False, **arguments)
    for layer in (ours, theirs):
        layer.build(inputs.shape)
    ours.set_weights(theirs.get_weights())
    a, b = (keras.ops.convert_to_numpy(layer(inputs)) for layer in (ours, theirs))
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("size", [2, 6])
def test_layer_contract(size):
    check_layer(lambda: Conv2D(4, 3), random_inputs(3, size, size, 2), (3, size, size, 4))


@pytest.mark.parametrize(
    "arguments", [{"padding": "valid"}, {"use_bias": True}, {"data_format": "channels_first"}]
)
def test_rejects_what_it_does_not_compute(arguments):
    (argument,) = arguments.items()
    with pytest.raises(ValueError, match=f"use `keras.layers.Conv2D`.*Received.*{argument[1]}"):
        Conv2D(4, 3, **arguments)
