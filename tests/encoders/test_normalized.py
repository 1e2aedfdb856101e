import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders import Normalized, check_encoder

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


@keras.saving.register_keras_serializable(package="test_normalized")
class Subclassed(keras.layers.Layer):
    """Without a `build` or `compute_output_shape` of its own, as users write them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(4, 3, strides=2, padding="same")

    def call(self, images):
        return self.conv(images)


def functional():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    return keras.Model(inputs, keras.layers.BatchNormalization()(x))


def sequential():
    return keras.Sequential([keras.layers.Conv2D(4, 3, strides=2, padding="same")])


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


@pytest.mark.parametrize("make", [functional, sequential, Subclassed])
def test_life_of_a_layer(make):
    check_layer(lambda: Normalized(make(), MEAN, STD), images(3, 8, 8, 3), (3, 4, 4, 4))


@pytest.mark.parametrize("make", [functional, sequential, Subclassed])
def test_gives_the_encoder_normalised_images(make):
    encoder = make()
    x = images(3, 8, 8, 3)
    got = Normalized(encoder, MEAN, STD)(x)
    expected = encoder(((x - np.array(MEAN)) / STD).astype("float32"))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(got), keras.ops.convert_to_numpy(expected), atol=1e-5
    )


def test_training_reaches_the_encoder():
    encoder = Normalized(functional(), MEAN, STD)
    x = images(3, 8, 8, 3)
    trained = keras.ops.convert_to_numpy(encoder(x, training=True))
    assert np.abs(trained.mean((0, 1, 2))).max() < 1e-3
    assert np.abs(keras.ops.convert_to_numpy(encoder(x)).mean((0, 1, 2))).max() > 1e-2


def test_knows_its_input_shape_where_the_encoder_does():
    assert Normalized(functional(), MEAN, STD).input_shape == (None, 8, 8, 3)
    assert getattr(Normalized(Subclassed(), MEAN, STD), "input_shape", None) is None


def test_file_of_the_encoder_alone(tmp_path):
    encoder = Normalized(functional(), MEAN, STD)
    assert check_encoder(encoder, (8, 8, 3)) == (None, 4, 4, 4)
    x = images(3, 8, 8, 3)
    expected = encoder.predict_on_batch(x)
    encoder.save(tmp_path / "encoder.keras")
    again = keras.saving.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(again.predict_on_batch(x), expected, atol=1e-6)


def test_not_an_encoder():
    with pytest.raises(ValueError, match="Received"):
        Normalized("resnet", MEAN, STD)
    with pytest.raises(ValueError, match="Received"):
        Normalized(functional(), MEAN, 0.0)
