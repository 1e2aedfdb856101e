import keras
import numpy as np
from check_layer import check_layer

from keras_simmim.encoders.self_attention import SelfAttention


def tokens(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_life_of_a_layer():
    check_layer(lambda: SelfAttention(2), tokens(3, 5, 8), (3, 5, 8))


def test_naive_loop():
    layer = SelfAttention(2)
    x = tokens(2, 5, 8)
    got = keras.ops.convert_to_numpy(layer(x))
    kernel, bias, projection, projection_bias = (w.astype("float64") for w in layer.get_weights())
    for n in range(2):
        query, key, value = np.split(x[n] @ kernel + bias, 3, axis=-1)
        heads = []
        for head in (slice(0, 4), slice(4, 8)):
            scores = np.zeros((5, 5))
            for i in range(5):
                for j in range(5):
                    scores[i, j] = np.exp(query[i, head] @ key[j, head] / 4**0.5)
            heads.append(scores / scores.sum(1, keepdims=True) @ value[:, head])
        expected = np.concatenate(heads, axis=-1) @ projection + projection_bias
        np.testing.assert_allclose(got[n], expected, atol=1e-5)
