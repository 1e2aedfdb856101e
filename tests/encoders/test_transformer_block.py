import keras
import numpy as np
from check_layer import check_layer

from keras_simmim.encoders.transformer_block import TransformerBlock


def tokens(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_life_of_a_layer():
    check_layer(lambda: TransformerBlock(2, mlp_ratio=2.5, dropout=0.1), tokens(3, 5, 8), (3, 5, 8))


def test_is_the_identity_where_both_branches_are_zero():
    block = TransformerBlock(2)
    x = tokens(3, 5, 8)
    assert np.abs(keras.ops.convert_to_numpy(block(x)) - x).max() > 0.1
    for layer in (block.attention.projection, block.mlp_2):
        layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(block(x)), x)


def test_bias_moves_the_attention():
    """With a large bias for one key each query sees that token alone."""
    block = TransformerBlock(2)
    x = tokens(3, 5, 8)
    bias = np.zeros((2, 5, 5), "float32")
    bias[:, :, 3] = 1000
    block.build(x.shape)
    block.mlp_2.set_weights([np.zeros(weight.shape) for weight in block.mlp_2.weights])
    seen = keras.ops.convert_to_numpy(block(x, bias)) - x
    np.testing.assert_allclose(seen, np.repeat(seen[:, :1], 5, axis=1), atol=1e-5)
    assert np.abs(seen).max() > 0.1


def test_dropout_acts_in_training_only():
    block = TransformerBlock(2, dropout=0.5)
    x = tokens(3, 5, 8)
    first, second = (keras.ops.convert_to_numpy(block(x, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 0.1
