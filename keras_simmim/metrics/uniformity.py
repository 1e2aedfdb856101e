import keras
from keras import ops

from keras_simmim import backend
from keras_simmim._numbers import check_number
from keras_simmim.heads.unit_length import unit_length
from keras_simmim.losses.map_rows import map_rows


@keras.saving.register_keras_serializable(package="keras_simmim")
class Uniformity(keras.metrics.Mean):
    """Log of the mean over pairs of images of exp(-t * squared distance), at unit length.

    Over the pairs i < j of the images of a batch, view by view and angle by angle, then averaged
    over views, angles and batches, a batch counting by its number of pairs. It is 0 where all
    embeddings are the same, and the lower the more evenly they spread: in D dimensions, D large,
    near -2 * t (1 - t / D).

    Args:
        t: positive float.
        name: name of the metric.
        dtype: dtype of its state.

    Raises:
        ValueError: for a `t` that is not positive.

    Reference:
        Wang and Isola 2020, "Understanding Contrastive Representation Learning through Alignment
        and Uniformity on the Hypersphere" (arXiv 2005.10242), section 4.1.
    """

    def __init__(self, t=2.0, name="uniformity", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.t = check_number("t", t, above=0)

    def update_state(self, embeddings, sample_weight=None):
        """Adds a batch.

        Args:
            embeddings: float tensor `(B, V, D)` or `(B, V, A, D)`. A single image has no pairs and
                counts nothing.
            sample_weight: ignored, as every pair counts alike.
        """
        z = unit_length(ops.stop_gradient(ops.cast(embeddings, "float32")))
        z = backend.gather(z)
        batch = ops.shape(z)[0]
        z = ops.transpose(ops.reshape(z, (batch, -1, z.shape[-1])), (1, 0, 2))  # (V*A, B, D)
        squares = ops.sum(ops.square(z), axis=-1, keepdims=True)
        ones = ops.ones_like(squares)
        # Dot products of these are -t * (|a|^2 + |b|^2 - 2 a.b).
        left = self.t * ops.concatenate([2.0 * z, -squares, -ones], axis=-1)
        right = ops.transpose(ops.concatenate([z, ones, squares], axis=-1), (0, 2, 1))
        images = ops.arange(batch)

        def log_sum_of(rows, row_images):
            exponents = ops.matmul(rows, right)
            itself = row_images[:, None] == images
            return ops.logsumexp(ops.where(itself, -float("inf"), exponents), axis=-1)

        # Every pair twice, as i, j and as j, i, which changes no mean.
        log_sums = ops.logsumexp(map_rows(log_sum_of, batch, left, images), axis=-1)  # (V*A,)
        pairs = ops.cast(batch, "float32") * (ops.cast(batch, "float32") - 1.0)
        log_means = log_sums - ops.log(ops.maximum(pairs, 1.0))
        log_mean = ops.where(pairs > 0, ops.mean(log_means), 0.0)
        return super().update_state(log_mean, sample_weight=pairs)

    def get_config(self):
        return {"t": self.t, "name": self.name, "dtype": self.dtype}
