import keras
from keras import ops

from keras_simmim import backend
from keras_simmim._numbers import check_number
from keras_simmim.heads.unit_length import unit_length
from keras_simmim.losses.check_embeddings import check_embeddings
from keras_simmim.losses.log_negatives import log_negatives
from keras_simmim.losses.mean_of_pairs import mean_of_pairs


@keras.saving.register_keras_serializable(package="keras_simmim")
class NTXent(keras.layers.Layer):
    """Normalised temperature-scaled cross entropy between the views of a batch of images.

    With the cosine similarity `s` of two embeddings divided by the temperature, an anchor `i` and
    one of its positives `p` (another view of the same image) cost

        -log(exp(s_ip) / (exp(s_ip) + sum over the views n of all other images of exp(s_in)))

    and the loss is the mean over all pairs `(i, p)`. Other positives of the anchor are not in the
    denominator, so that views of one image never push each other away. With two views this is the
    loss of SimCLR. Each angle is a contrast of its own; the loss is the mean over the angles.

    Computes in float32 under any dtype policy.

    Args:
        temperature: positive float, what the similarities are divided by.

    Call arguments:
        embeddings: float tensor `(B, V, D)` or `(B, V, A, D)`: B images, V >= 2 views, A angles.
            They need not be of unit length.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: for a temperature that is not positive, an input of another rank, or one view.

    Reference:
        Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations"
        (arXiv 2002.05709), section 2.1, equation 1.
    """

    def __init__(self, temperature=0.2, **kwargs):
        # In bfloat16 similarities near 1 differ by 0.004, which a low temperature blows up.
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.temperature = float(check_number("temperature", temperature, above=0))

    def call(self, embeddings):
        check_embeddings(self, embeddings.shape)
        if len(embeddings.shape) == 3:
            embeddings = ops.expand_dims(embeddings, 2)
        batch, views, angles, dim = ops.shape(embeddings)

        def in_rows(z):
            return ops.reshape(ops.transpose(z, (2, 0, 1, 3)), (angles, -1, dim))  # (A, BV, D)

        z = unit_length(embeddings)
        anchors = keys = in_rows(z)
        if backend.replica_count() > 1:
            keys = in_rows(backend.gather(z))
        first_image = batch * backend.replica_index()
        others = log_negatives(anchors, keys, views, self.temperature, first_image)  # (A, BV)

        z = ops.reshape(anchors, (angles, batch, views, dim))
        positives = ops.matmul(z, ops.transpose(z, (0, 1, 3, 2))) / self.temperature  # (A,B,V,V)
        others = ops.reshape(others, (angles, batch, views, 1))
        # -log(e^p / (e^p + N)) = log(1 + e^(log N - p))
        return mean_of_pairs(ops.softplus(others - positives))

    def compute_output_shape(self, embeddings_shape):
        return ()

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
