import keras
from keras import ops

from keras_simmim._numbers import check_number
from keras_simmim.heads.unit_length import unit_length
from keras_simmim.losses.mean_of_pairs import mean_of_pairs


@keras.saving.register_keras_serializable(package="keras_simmim")
class InfoNCE(keras.layers.Layer):
    """Contrast of queries with the keys of their images, against a queue of other images' keys.

    With cosines `s` divided by the temperature, a query `q` and one key `k` of its image cost

        -log(exp(s_qk) / (exp(s_qk) + sum over the keys n of the queue of exp(s_qn)))

    and the loss is the mean over all such pairs and over the angles. Computes in float32 under any
    dtype policy. The similarities with the queue are held as a whole: queries x queue x angles.

    Args:
        temperature: positive float, what the similarities are divided by.
        same_views: whether queries and keys are of the same views, in the same order: a view is
            then not compared with itself.

    Call arguments:
        queries: float tensor `(B, Q, A, D)`: B images, Q views, A angles.
        keys: float tensor `(B, K, A, D)`, of the same images.
        queue: float tensor `(A, N, D)`: keys of other images.

    Returns:
        Scalar float32 tensor. None of the three need be of unit length.

    Raises:
        ValueError: for a temperature that is not positive, or a single view for both.

    Reference:
        He et al. 2020, "Momentum Contrast" (arXiv 1911.05722), section 3.1, equation 1.
    """

    def __init__(self, temperature=0.2, same_views=False, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.temperature = float(check_number("temperature", temperature, above=0))
        self.same_views = same_views

    def call(self, queries, keys, queue):
        if self.same_views and queries.shape[1] is not None and queries.shape[1] < 2:
            raise ValueError(
                "The queries need keys of other views of their image: at least 2 views. "
                f"Received: queries of shape {tuple(queries.shape)}"
            )
        if keys.shape[1] == 0:
            raise ValueError(
                "There are no keys: the first view is the query and the others are keys, so that "
                f"at least 2 views are needed. Received: keys of shape {tuple(keys.shape)}"
            )
        q = ops.transpose(unit_length(queries), (2, 0, 1, 3))  # (A, B, Q, D)
        k = ops.transpose(unit_length(keys), (2, 0, 3, 1))  # (A, B, D, K)
        positives = ops.matmul(q, k) / self.temperature  # (A, B, Q, K)
        batch, views, dim = ops.shape(q)[1:]
        flat = ops.reshape(q, (queue.shape[0], batch * views, dim))
        others = ops.matmul(flat, ops.transpose(unit_length(queue), (0, 2, 1))) / self.temperature
        others = ops.logsumexp(others, axis=-1)  # (A, BQ)
        others = ops.reshape(others, (queue.shape[0], batch, views, 1))
        # -log(e^p / (e^p + N)) = log(1 + e^(log N - p))
        losses = ops.softplus(others - positives)
        return mean_of_pairs(losses) if self.same_views else ops.mean(losses)

    def compute_output_shape(self, queries_shape, keys_shape, queue_shape):
        return ()

    def get_config(self):
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "same_views": self.same_views,
        }
