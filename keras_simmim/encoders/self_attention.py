import keras
from keras import layers, ops

from keras_simmim.encoders.statistics_dtype import statistics_dtype


@keras.saving.register_keras_serializable(package="keras_simmim")
class SelfAttention(layers.Layer):
    """Multi-head self-attention, with queries, keys and values from one matrix product.

    Args:
        num_heads: number of heads, a divisor of the tokens' channels.

    Call arguments:
        tokens: `(B, T, F)` float.
        bias: `(num_heads, T, T)` float, added to the logits of queries (axis 1) for keys (axis 2);
            None: no bias.

    Returns:
        `(B, T, F)` in the compute dtype.

    Reference:
        Vaswani et al. 2017, "Attention Is All You Need" (arXiv 1706.03762), section 3.2.2.
    """

    def __init__(self, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, tokens_shape):
        width = tokens_shape[-1]
        # Glorot's limit for each of the three matrices (fans F and F), not for their stack.
        limit = (3 / width) ** 0.5
        self.query_key_value = layers.Dense(
            3 * width,
            kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
            dtype=self.dtype_policy,
            name="query_key_value",
        )
        self.query_key_value.build(tokens_shape)
        self.projection = layers.Dense(width, dtype=self.dtype_policy, name="projection")
        self.projection.build(tokens_shape)

    def call(self, tokens, bias=None):
        positions, width = ops.shape(tokens)[1], tokens.shape[-1]
        heads = (-1, positions, self.num_heads, width // self.num_heads)
        query, key, value = (
            ops.reshape(x, heads) for x in ops.split(self.query_key_value(tokens), 3, axis=-1)
        )
        if bias is None:
            x = ops.dot_product_attention(query, key, value)  # (B, T, num_heads, F / num_heads)
        else:
            x = _biased_attention(query, key, value, bias)
        return self.projection(ops.reshape(x, (-1, positions, width)))

    def compute_output_shape(self, tokens_shape):
        return tuple(tokens_shape)

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads}


def _biased_attention(query, key, value, bias):
    # Keras 3.11 on torch takes no bias in `dot_product_attention`.
    query = query / query.shape[-1] ** 0.5
    logits = ops.einsum("bqad,bkad->baqk", query, key)
    dtype = statistics_dtype(logits)
    weights = ops.softmax(ops.cast(logits, dtype) + ops.cast(bias, dtype))
    return ops.einsum("baqk,bkad->bqad", ops.cast(weights, value.dtype), value)
