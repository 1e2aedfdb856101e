import keras
from keras import ops

from keras_simmim import backend


@keras.saving.register_keras_serializable(package="keras_simmim")
class RankMe(keras.metrics.Mean):
    """Effective rank of the embeddings of a batch, by their singular values.

    exp of the entropy of `p_k = sigma_k / (sum of sigma) + 1e-7`, view by view and angle by angle,
    then averaged over views, angles and batches, a batch counting by its number of images. It is
    the rank within a batch, so at most the number of its images: with fewer images than dimensions
    it tells collapse and compares trainings of one batch size, but is below what
    `evaluation.rankme` finds in many images. Singular values below a thousandth of the largest
    count as 0, as float32 does not tell them from rounding errors.

    Args:
        name: name of the metric.
        dtype: dtype of its state.

    Reference:
        Garrido et al. 2023, "RankMe: Assessing the downstream performance of pretrained
        self-supervised representations by their rank" (arXiv 2210.02885), section 3, equation 1.
    """

    def __init__(self, name="rankme", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, embeddings, sample_weight=None):
        """Adds a batch.

        Args:
            embeddings: float tensor `(B, V, D)` or `(B, V, A, D)`, taken as they are.
            sample_weight: ignored, as every image counts alike.
        """
        z = backend.gather(ops.stop_gradient(ops.cast(embeddings, "float32")))
        batch = ops.shape(z)[0]
        z = ops.transpose(ops.reshape(z, (batch, -1, z.shape[-1])), (1, 0, 2))  # (V*A, B, D)
        sigma = _singular_values(z)
        total = ops.sum(sigma, axis=-1, keepdims=True)
        p = sigma / ops.where(total > 0, total, 1.0) + 1e-7
        rank = ops.exp(-ops.sum(p * ops.log(p), axis=-1))  # (V*A,)
        rank = ops.where(total[:, 0] > 0, rank, 0.0)
        return super().update_state(ops.mean(rank), sample_weight=ops.cast(batch, "float32"))

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


def _singular_values(z):
    """Those of `z` `(N, B, D)`, in float32 exact to about 1e-3 of the largest; zeros may be added.

    By the eigenvalues of a Gram matrix, as singular value decompositions are slow under XLA.
    """
    batch, dim = z.shape[1:]
    transposed = ops.transpose(z, (0, 2, 1))
    if batch is not None and batch < dim:
        gram = ops.matmul(z, transposed)
    else:
        gram = ops.matmul(transposed, z)
    squares, _ = ops.eigh(gram)  # ascending
    resolved = squares > 1e-6 * squares[:, -1:]
    return ops.sqrt(ops.where(resolved, squares, 0.0))
