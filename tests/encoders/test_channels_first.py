import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders import ChannelsFirst, check_encoder


@keras.saving.register_keras_serializable(package="test_channels_first")
class Mixing(keras.layers.Layer):
    """A 1x1 convolution with stride 2, channels_first, of operations that run everywhere."""

    def build(self, images_shape):
        self.kernel = self.add_weight(name="kernel", shape=(5, images_shape[1]))

    def call(self, images):
        return keras.ops.einsum("fc,nchw->nfhw", self.kernel, images[:, :, ::2, ::2])

    def compute_output_shape(self, images_shape):
        batch, _, height, width = images_shape
        return (batch, 5, (height + 1) // 2, (width + 1) // 2)


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8") / np.float32(255)


def functional():
    inputs = keras.Input((3, 8, 6))
    return keras.Model(inputs, Mixing()(inputs))


@pytest.mark.parametrize("make", [Mixing, functional])
def test_life_of_a_layer(make):
    check_layer(lambda: ChannelsFirst(make()), images(2, 8, 6, 3), (2, 4, 3, 5))


def test_transposes_images_and_map():
    encoder = Mixing()
    x = images(2, 8, 6, 3)
    got = keras.ops.convert_to_numpy(ChannelsFirst(encoder)(x))
    (kernel,) = encoder.get_weights()
    np.testing.assert_allclose(got, x[:, ::2, ::2] @ kernel.T, atol=1e-5)


def test_leaves_vectors_and_tokens_as_they_are():
    pooled = keras.Sequential([keras.layers.GlobalAveragePooling2D(data_format="channels_first")])
    x = images(2, 8, 6, 3)
    got = keras.ops.convert_to_numpy(ChannelsFirst(pooled)(x))
    np.testing.assert_allclose(got, x.mean((1, 2)), atol=1e-6)
    tokens = keras.Sequential([keras.layers.Permute((2, 3, 1)), keras.layers.Reshape((48, 3))])
    got = keras.ops.convert_to_numpy(ChannelsFirst(tokens)(x))
    np.testing.assert_allclose(got, x.reshape(2, 48, 3), atol=1e-6)


def test_knows_its_input_shape():
    assert ChannelsFirst(functional()).input_shape == (None, 8, 6, 3)
    assert check_encoder(ChannelsFirst(functional()), (8, 6, 3)) == (None, 4, 3, 5)


def test_not_an_encoder():
    with pytest.raises(ValueError, match="Received"):
        ChannelsFirst(np.zeros)
