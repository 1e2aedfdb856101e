import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders.self_attention import SelfAttention


def tokens(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_life_of_a_layer():
    check_layer(lambda: SelfAttention(2), tokens(3, 5, 8), (3, 5, 8))


@pytest.mark.parametrize("biased", [False, True])
def test_naive_loop(biased):
    layer = SelfAttention(2)
    x, bias = tokens(2, 5, 8), tokens(2, 5, 5) if biased else np.zeros((2, 5, 5))
    got = keras.ops.convert_to_numpy(layer(x, bias) if biased else layer(x))
    kernel, offset, projection, projection_bias = (w.astype("float64") for w in layer.get_weights())
    for n in range(2):
        query, key, value = np.split(x[n] @ kernel + offset, 3, axis=-1)
        heads = []
        for a, head in enumerate((slice(0, 4), slice(4, 8))):
            scores = np.zeros((5, 5))
            for i in range(5):
                for j in range(5):
                    scores[i, j] = np.exp(query[i, head] @ key[j, head] / 4**0.5 + bias[a, i, j])
            heads.append(scores / scores.sum(1, keepdims=True) @ value[:, head])
        expected = np.concatenate(heads, axis=-1) @ projection + projection_bias
        np.testing.assert_allclose(got[n], expected, atol=1e-5)


# Keras itself computes in float64 on TensorFlow alone.
TOLERANCE = {
    "float32": 1e-5,
    "mixed_bfloat16": 0.02,
    "float64": 1e-12 if keras.backend.backend() == "tensorflow" else 1e-5,
}


@pytest.mark.parametrize("policy", TOLERANCE)
def test_no_bias_is_a_bias_of_zeros(policy):
    layer = SelfAttention(2, dtype=policy)
    x = tokens(2, 5, 8)
    plain, biased = layer(x), layer(x, np.zeros((2, 5, 5), "float32"))
    assert biased.dtype == plain.dtype
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.cast(biased, "float64")),
        keras.ops.convert_to_numpy(keras.ops.cast(plain, "float64")),
        atol=TOLERANCE[policy],
        rtol=0 if policy == "float64" else 1e-7,
    )
