import keras
from keras import ops

from keras_simmim import backend
from keras_simmim._numbers import check_number
from keras_simmim.heads.unit_length import unit_length
from keras_simmim.losses.check_embeddings import check_embeddings


@keras.saving.register_keras_serializable(package="keras_simmim")
class EMPSSLLoss(keras.layers.Layer):
    """Total coding rate of each view's batch, and agreement of views with their image's mean.

    Of unit embeddings `Z_v` `(B, D)` of view `v`, and their mean over the views `M`, the loss is

        -mean over v of [ 1/2 logdet(I + D / (B epsilon^2) Z_v^T Z_v)
                          + invariance * mean over images of cosine(Z_v, M) ]

    averaged over the angles. Computes in float32 under any dtype policy.

    Args:
        invariance: weight of the agreement.
        epsilon_squared: positive float, squared distortion.

    Call arguments:
        embeddings: float tensor `(B, V, D)` or `(B, V, A, D)`: B images, V >= 2 views, A angles.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: for a number out of its range, an input of another rank, or one view.

    Reference:
        Tong et al. 2023, "EMP-SSL" (arXiv 2304.03977), section 3; the coding rate is of Yu
        et al. 2020, "Maximal Coding Rate Reduction" (arXiv 2006.08558).
    """

    def __init__(self, invariance=200.0, epsilon_squared=0.2, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.invariance = float(check_number("invariance", invariance, least=0))
        self.epsilon_squared = float(check_number("epsilon_squared", epsilon_squared, above=0))

    def call(self, embeddings):
        check_embeddings(self, embeddings.shape)
        if len(embeddings.shape) == 3:
            embeddings = ops.expand_dims(embeddings, 2)
        z = ops.transpose(unit_length(embeddings), (2, 1, 0, 3))  # (A, V, B, D)
        center = unit_length(ops.mean(z, axis=1, keepdims=True))  # (A, 1, B, D)
        agreement = ops.mean(ops.sum(z * center, axis=-1))
        return -(self._coding_rate(z) + self.invariance * agreement)

    def _coding_rate(self, z):
        replicas = backend.replica_count()
        batch, dim = ops.shape(z)[2], z.shape[-1]
        scale = dim / (ops.cast(batch, "float32") * self.epsilon_squared)
        transposed = ops.transpose(z, (0, 1, 3, 2))
        if isinstance(batch, int) and batch < dim and replicas == 1:
            # The determinant is the same for either Gram matrix.
            gram = ops.matmul(z, transposed)
        else:
            gram = backend.mean_of_replicas(ops.matmul(transposed, z))
        root = ops.cholesky(ops.eye(gram.shape[-1], dtype=gram.dtype) + scale * gram)
        # Half of logdet: the log of the determinant of the root.
        return ops.mean(ops.sum(ops.log(ops.diagonal(root, axis1=-2, axis2=-1)), axis=-1))

    def compute_output_shape(self, embeddings_shape):
        return ()

    def get_config(self):
        return {
            **super().get_config(),
            "invariance": self.invariance,
            "epsilon_squared": self.epsilon_squared,
        }
