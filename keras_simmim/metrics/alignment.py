import keras
from keras import ops

from keras_simmim import backend
from keras_simmim.heads.unit_length import unit_length


@keras.saving.register_keras_serializable(package="keras_simmim")
class Alignment(keras.metrics.Mean):
    """Mean squared distance between the unit-length embeddings of two views of one image.

    Over all pairs of different views, all images and all angles. It is 0 where the views of an
    image agree, which collapsed ones do too (read it with `Uniformity`), and 2 where they have
    nothing to do with each other.

    Args:
        name: name of the metric.
        dtype: dtype of its state.

    Reference:
        Wang and Isola 2020, "Understanding Contrastive Representation Learning through Alignment
        and Uniformity on the Hypersphere" (arXiv 2005.10242), section 4.1, with alpha = 2.
    """

    def __init__(self, name="alignment", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, embeddings, sample_weight=None):
        """Adds a batch.

        Args:
            embeddings: float tensor `(B, V, D)` or `(B, V, A, D)`, V >= 2.
            sample_weight: ignored, as every pair counts alike.

        Raises:
            ValueError: for one view.
        """
        z = backend.gather(ops.stop_gradient(ops.cast(embeddings, "float32")))
        views = z.shape[1]
        if views is not None and views < 2:
            raise ValueError(
                "Alignment compares the views of an image and needs at least 2 of them on axis 1. "
                f"Received: shape {tuple(z.shape)}"
            )
        # The mean over pairs of squared distances is 2V / (V - 1) times the variance over views.
        views = ops.cast(ops.shape(z)[1], "float32")
        spread = ops.sum(ops.var(unit_length(z), axis=1), axis=-1)  # (B,) or (B, A)
        return super().update_state(2.0 * views / (views - 1.0) * spread)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}
