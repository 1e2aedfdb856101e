import keras
from keras import ops

from keras_simmim._numbers import check_integer
from keras_simmim.encoders.batch_norm import BatchNorm
from keras_simmim.encoders.pooling import pool
from keras_simmim.heads.unit_length import unit_length


@keras.saving.register_keras_serializable(package="keras_simmim")
class ProjectionHead(keras.layers.Layer):
    """Averages the features over their positions and embeds them by an MLP with one hidden layer.

    The head of SimCLR, to compare `AttentionHead` with: one angle that looks everywhere alike.

    Args:
        embedding_dim: dimensions D of an embedding.
        hidden_dim: width of the hidden layer; None: as many as the features have.
        normalize: whether embeddings are brought to unit length; BYOL predicts them as they are.

    Call arguments:
        features: float tensor: map `(N, h, w, F)`, tokens `(N, T, F)` or vector `(N, F)`.
        training: whether batch norm uses the statistics of this batch.

    Returns:
        `(N, 1, D)` float32, of unit length with `normalize`.

    Raises:
        ValueError: for a size that is not a positive integer, or features of another rank.

    Reference:
        Chen et al. 2020 (arXiv 2002.05709), section 2.1; batch norm in the head as in their
        published code and appendix B.
    """

    def __init__(self, embedding_dim=128, hidden_dim=None, normalize=True, **kwargs):
        super().__init__(**kwargs)
        self.embedding_dim = check_integer("embedding_dim", embedding_dim)
        self.hidden_dim = check_integer("hidden_dim", hidden_dim, optional=True)
        self.normalize = normalize

    def build(self, features_shape):
        features = features_shape[-1]
        hidden = self.hidden_dim or features
        self.hidden_layer = keras.layers.Dense(
            hidden, use_bias=False, dtype=self.dtype_policy, name="hidden"
        )
        self.hidden_norm = BatchNorm(dtype=self.dtype_policy, name="hidden_norm")
        self.embedding_layer = keras.layers.Dense(
            self.embedding_dim, use_bias=False, dtype=self.dtype_policy, name="embedding"
        )
        self.hidden_layer.build((None, features))
        self.hidden_norm.build((None, hidden))
        self.embedding_layer.build((None, hidden))

    def call(self, features, training=False):
        x = self.hidden_layer(pool(features))  # (N, H)
        x = ops.relu(self.hidden_norm(x, training=training))
        embeddings = ops.cast(self.embedding_layer(x), "float32")
        if self.normalize:
            embeddings = unit_length(embeddings)
        return ops.expand_dims(embeddings, 1)

    def compute_output_spec(self, features, training=False):
        return keras.KerasTensor(self.compute_output_shape(features.shape), dtype="float32")

    def compute_output_shape(self, features_shape):
        return (features_shape[0], 1, self.embedding_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "hidden_dim": self.hidden_dim,
            "normalize": self.normalize,
        }
