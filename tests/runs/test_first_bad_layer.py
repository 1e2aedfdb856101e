import keras
import numpy as np
import pytest
from small_methods import small_head, splitter

import keras_simmim as ks
from keras_simmim.runs.first_bad_layer import first_bad_layer

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype("uint8")


@keras.saving.register_keras_serializable(package="tests")
class Log(keras.layers.Layer):
    """Not finite where what it gets is not positive."""

    def call(self, inputs):
        return keras.ops.log(inputs)


def method(between):
    encoder = keras.Sequential(
        name="sequential",
        layers=[
            keras.Input((16, 16, 3)),
            ks.encoders.Standardize(),
            keras.layers.Conv2D(4, 3, name="first"),
            between,
            keras.layers.Conv2D(4, 3, name="last"),
        ],
    )
    return ks.SimCLR(encoder, splitter(), small_head())


def test_the_layer_that_gives_what_is_not_finite():
    model = method(Log(name="log"))
    assert "log' (Log) gives" in first_bad_layer(model, IMAGES)
    # It is left as it was.
    assert "call" not in vars(model.encoder.get_layer("log"))


def test_all_is_finite():
    assert first_bad_layer(method(keras.layers.ReLU()), IMAGES) is None


def test_weights_by_the_step_before():
    model = method(keras.layers.ReLU())
    for name in ("first", "last"):
        layer = model.encoder.get_layer(name)
        layer.bias.assign(layer.bias * np.nan)
    assert "the weights of layer 'sequential/last'" in first_bad_layer(model, IMAGES)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_images(value):
    images = IMAGES.astype("float32")
    images[1, :2, 3] = value
    assert "6 of their pixels" in first_bad_layer(method(keras.layers.ReLU()), images)
