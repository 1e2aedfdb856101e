import keras
from keras import ops

from keras_simmim import backend
from keras_simmim.heads.unit_length import unit_length
from keras_simmim.losses.map_rows import map_rows


@keras.saving.register_keras_serializable(package="keras_simmim")
class ContrastiveAccuracy(keras.metrics.Mean):
    """Share of pairs of views of one image that are closer than the anchor's nearest other image.

    An anchor and one of its positives (another view of the same image) count as right when their
    cosine similarity, averaged over the angles, exceeds that of the anchor and every view of every
    other image of the batch. It is the accuracy of the classification that NT-Xent is the cross
    entropy of. Chance is 1 / (1 + V (B - 1)).

    Args:
        name: name of the metric.
        dtype: dtype of its state.

    Reference:
        Chen et al. 2020 (arXiv 2002.05709), the contrastive task of section 2.1.
    """

    def __init__(self, name="contrastive_accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, embeddings, sample_weight=None):
        """Adds a batch.

        Args:
            embeddings: float tensor `(B, V, D)` or `(B, V, A, D)`.
            sample_weight: ignored, as every pair counts alike.
        """
        z = ops.stop_gradient(ops.convert_to_tensor(embeddings))
        z = unit_length(z)
        batch, views = ops.shape(z)[:2]
        # The mean cosine over angles orders pairs as the dot product of the angles in one row.
        keys = ops.reshape(backend.gather(z), (1, batch * backend.replica_count() * views, -1))
        z = ops.reshape(z, (1, batch * views, -1))
        key_images = ops.arange(ops.shape(keys)[1]) // views
        images = ops.arange(batch * views) // views + batch * backend.replica_index()

        def nearest_other_of(rows, row_images):
            similarity = ops.matmul(rows, ops.transpose(keys, (0, 2, 1)))
            own = row_images[:, None] == key_images
            return ops.max(ops.where(own, -float("inf"), similarity), axis=-1)

        nearest_other = map_rows(nearest_other_of, ops.shape(keys)[1], z, images)  # (1, BV)
        nearest_other = ops.reshape(nearest_other, (batch, views))

        z = ops.reshape(z, (batch, views, -1))
        positives = ops.matmul(z, ops.transpose(z, (0, 2, 1)))  # (B, V, V)
        right = ops.cast(positives > nearest_other[..., None], "float32")
        other_view = 1.0 - ops.eye(views, dtype="float32")
        right = ops.sum(right * other_view, axis=-1) / ops.sum(other_view, axis=-1)
        return super().update_state(backend.gather(right))

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}
