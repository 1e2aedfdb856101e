import warnings

import keras
from keras import ops

from keras_simmim._numbers import check_integer
from keras_simmim.encoders.batch_norm import BatchNorm
from keras_simmim.encoders.pooling import flatten_positions
from keras_simmim.heads.unit_length import unit_length


@keras.saving.register_keras_serializable(package="keras_simmim")
class AttentionHead(keras.layers.Layer):
    """Looks at a feature map from several angles and embeds what each angle sees.

    An angle is one head of a multi-head attention whose queries are learned, as they do not depend
    on the image: it weights the positions of the map by `softmax(q_a . x_t / sqrt(F))`, sums the
    features with these weights and projects the sum by an MLP of its own (dense, batch norm, ReLU,
    dense) to a unit vector. With a constant query the key projection of textbook attention folds
    into the query, and the value projection into the MLP's first layer, so neither is a separate
    weight; what the head can express is the same.

    Args:
        num_heads: number of angles A.
        embedding_dim: dimensions D of an embedding.
        hidden_dim: width of each angle's MLP; None: as many as the features have.

    Call arguments:
        features: float tensor: map `(N, h, w, F)`, tokens `(N, T, F)` or vector `(N, F)`. Of a
            single position, as a vector is one, it warns: there is nothing to choose from.
        training: whether batch norm uses the statistics of this batch.
        return_attention_scores: whether to return the attention weights too.

    Returns:
        `(N, A, D)` float32 of unit length; with `return_attention_scores` also `(N, A, T)` float32,
        T the positions row by row, each angle's weights summing to 1.

    Raises:
        ValueError: for a size that is not a positive integer, or features of another rank.

    Reference:
        Vaswani et al. 2017, "Attention Is All You Need" (arXiv 1706.03762), section 3.2.2; learned
        queries as in Lee et al. 2019, "Set Transformer" (arXiv 1810.00825), section 3.2, PMA.
    """

    def __init__(self, num_heads=4, embedding_dim=128, hidden_dim=None, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = check_integer("num_heads", num_heads)
        self.embedding_dim = check_integer("embedding_dim", embedding_dim)
        self.hidden_dim = check_integer("hidden_dim", hidden_dim, optional=True)
        self.hidden_norm = BatchNorm(dtype=self.dtype_policy, name="hidden_norm")

    def build(self, features_shape):
        if len(features_shape) == 2 or set(features_shape[1:-1]) == {1}:
            _warn_of_one_position()
        features = features_shape[-1]
        hidden = self.hidden_dim or features
        self.query = self.add_weight(
            name="query",
            shape=(self.num_heads, features),
            # Unit variance: angles that begin alike, near the average, end nearly alike.
            initializer=keras.initializers.RandomNormal(stddev=1.0),
        )
        # Glorot per angle: the fans are those of one angle's matrix, not of the stack.
        self.hidden_kernel = self.add_weight(
            name="hidden_kernel",
            shape=(self.num_heads, features, hidden),
            initializer=_uniform(features, hidden),
        )
        self.embedding_kernel = self.add_weight(
            name="embedding_kernel",
            shape=(self.num_heads, hidden, self.embedding_dim),
            initializer=_uniform(hidden, self.embedding_dim),
        )
        self.hidden_norm.build((None, self.num_heads * hidden))

    def call(self, features, training=False, return_attention_scores=False):
        x = flatten_positions(features)  # (N, T, F)
        scores = ops.matmul(x, ops.transpose(self.query)) / x.shape[-1] ** 0.5  # (N, T, A)
        scores = ops.cast(scores, "float32")
        if scores.shape[1] == 1:
            _warn_of_one_position()
            # All of the weight. The queries get a gradient of zero: of none Keras would warn.
            scores = 0.0 * scores + 1.0
        else:
            scores = ops.softmax(scores, axis=1)
        scores = ops.transpose(scores, (0, 2, 1))  # (N, A, T)
        seen = ops.matmul(ops.cast(scores, x.dtype), x)  # (N, A, F)
        hidden = ops.matmul(ops.transpose(seen, (1, 0, 2)), self.hidden_kernel)  # (A, N, H)
        hidden = ops.transpose(hidden, (1, 0, 2))
        flat = ops.reshape(hidden, (-1, self.num_heads * hidden.shape[-1]))
        flat = ops.relu(self.hidden_norm(flat, training=training))
        hidden = ops.transpose(ops.reshape(flat, (-1, *hidden.shape[1:])), (1, 0, 2))
        embeddings = ops.matmul(hidden, self.embedding_kernel)  # (A, N, D)
        embeddings = ops.cast(ops.transpose(embeddings, (1, 0, 2)), "float32")
        embeddings = unit_length(embeddings)
        if return_attention_scores:
            return embeddings, scores
        return embeddings

    def compute_output_spec(self, features, training=False, return_attention_scores=False):
        shape = self.compute_output_shape(features.shape)
        embeddings = keras.KerasTensor(shape, dtype="float32")
        if return_attention_scores:
            positions = flatten_positions(features).shape[1]
            return embeddings, keras.KerasTensor(
                (shape[0], self.num_heads, positions), dtype="float32"
            )
        return embeddings

    def compute_output_shape(self, features_shape):
        return (features_shape[0], self.num_heads, self.embedding_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "embedding_dim": self.embedding_dim,
            "hidden_dim": self.hidden_dim,
        }


def _warn_of_one_position():
    warnings.warn(
        "An attention head looks at a single position: it has nothing to choose from, and all of "
        "its angles see the same. Give it a map of more positions: of larger images, of an encoder "
        "that shrinks them less (such as a ResNet with the stem '3x3') or does not pool its map, "
        "or of a layer further inside of it (`keras_simmim.encoders.feature_map`).",
        stacklevel=1,
    )


def _uniform(fan_in, fan_out):
    limit = (6 / (fan_in + fan_out)) ** 0.5
    return keras.initializers.RandomUniform(-limit, limit)
