import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders.patch_embedding import PatchEmbedding
from keras_simmim.encoders.position_encoding import sincos_positions


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_life_of_a_layer():
    check_layer(lambda: PatchEmbedding(2, 8), images(3, 6, 4, 3), (3, 6, 8))


def test_naive_loop():
    layer = PatchEmbedding(2, 8)
    x = images(3, 6, 4, 3)
    got = keras.ops.convert_to_numpy(layer(x))
    kernel, bias = layer.get_weights()
    positions = keras.ops.convert_to_numpy(sincos_positions(3, 2, 8))
    for row in range(3):
        for column in range(2):
            patch = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            expected = patch.reshape(3, 12) @ kernel + bias + positions[2 * row + column]
            np.testing.assert_allclose(got[:, 2 * row + column], expected, atol=1e-5)


def test_unknown_size():
    assert PatchEmbedding(2, 8).compute_output_shape((None, None, 4, 3)) == (None, None, 8)


def test_size_that_patches_do_not_tile():
    with pytest.raises(ValueError, match=r"multiples of the patch size, 4.*Received"):
        PatchEmbedding(4, 8)(images(1, 8, 10, 3))
