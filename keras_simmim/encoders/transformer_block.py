import keras
from keras import layers

from keras_simmim.encoders.self_attention import SelfAttention


@keras.saving.register_keras_serializable(package="keras_simmim")
class TransformerBlock(layers.Layer):
    """Pre-norm transformer block: self-attention and a GELU MLP, each added to its input.

    Args:
        num_heads: number of attention heads, a divisor of the tokens' channels.
        mlp_ratio: hidden units of the MLP for each channel of a token.
        dropout: rate of dropout after the attention and after both layers of the MLP.

    Call arguments:
        tokens: `(B, T, F)` float.
        bias: `(num_heads, T, T)` float, added to the attention logits; None: no bias.
        training: whether dropout is on.

    Returns:
        `(B, T, F)` in the compute dtype.

    Reference:
        Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (arXiv 2010.11929), eq. 2 and 3.
    """

    def __init__(self, num_heads, mlp_ratio=4, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.dropout = dropout
        dtype = self.dtype_policy
        self.attention_norm = layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype, name="attention_norm"
        )
        self.attention = SelfAttention(num_heads, dtype=dtype, name="attention")
        self.attention_dropout = layers.Dropout(dropout, dtype=dtype, name="attention_dropout")
        self.mlp_norm = layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="mlp_norm")
        self.mlp_dropout_1 = layers.Dropout(dropout, dtype=dtype, name="mlp_dropout_1")
        self.mlp_dropout_2 = layers.Dropout(dropout, dtype=dtype, name="mlp_dropout_2")

    def build(self, tokens_shape):
        width = tokens_shape[-1]
        hidden = int(width * self.mlp_ratio)
        dtype = self.dtype_policy
        self.attention_norm.build(tokens_shape)
        self.attention.build(tokens_shape)
        self.mlp_norm.build(tokens_shape)
        self.mlp_1 = layers.Dense(hidden, activation="gelu", dtype=dtype, name="mlp_1")
        self.mlp_1.build(tokens_shape)
        self.mlp_2 = layers.Dense(width, dtype=dtype, name="mlp_2")
        self.mlp_2.build((*tokens_shape[:-1], hidden))

    def call(self, tokens, bias=None, training=False):
        x = self.attention(self.attention_norm(tokens), bias)
        tokens = tokens + self.attention_dropout(x, training=training)
        x = self.mlp_dropout_1(self.mlp_1(self.mlp_norm(tokens)), training=training)
        return tokens + self.mlp_dropout_2(self.mlp_2(x), training=training)

    def compute_output_shape(self, tokens_shape):
        return tuple(tokens_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "mlp_ratio": self.mlp_ratio,
            "dropout": self.dropout,
        }
