import keras
from keras import ops

from keras_simmim import backend
from keras_simmim.heads.unit_length import unit_length


@keras.saving.register_keras_serializable(package="keras_simmim")
class EmbeddingStd(keras.metrics.Mean):
    """Standard deviation of unit-length embeddings over the batch, averaged over dimensions.

    It is near 1 / sqrt(D) when the embeddings spread evenly over the sphere, and 0 when they have
    collapsed to one point. Taken over the images, view by view and angle by angle.

    Args:
        name: name of the metric.
        dtype: dtype of its state.

    Reference:
        Chen and He 2021, "Exploring Simple Siamese Representation Learning" (arXiv 2011.10566),
        section 4.1.
    """

    def __init__(self, name="embedding_std", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, embeddings, sample_weight=None):
        """Adds a batch.

        Args:
            embeddings: float tensor `(B, V, D)` or `(B, V, A, D)`.
            sample_weight: ignored, as every image counts alike.
        """
        z = ops.stop_gradient(ops.convert_to_tensor(embeddings))
        z = backend.gather(unit_length(z))
        return super().update_state(ops.mean(ops.std(z, axis=0)))

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}
