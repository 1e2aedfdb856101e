import keras
from keras import ops

from keras_simmim.heads.unit_length import unit_length
from keras_simmim.losses.mean_of_pairs import mean_of_pairs


@keras.saving.register_keras_serializable(package="keras_simmim")
class BYOLLoss(keras.layers.Layer):
    """Squared distance of each view's prediction to the targets of the image's other views.

    Predictions and targets are brought to unit length, so a pair costs `2 - 2 * cosine`; the loss
    is the mean over the ordered pairs of different views, the images and the angles. (The paper
    adds the two pairs of two views: twice as much.) Computes in float32 under any dtype policy.

    Call arguments:
        predictions: float tensor `(B, V, A, D)`: B images, V >= 2 views, A angles.
        targets: float tensor `(B, V, A, D)`.

    Returns:
        Scalar float32 tensor, 0...4.

    Raises:
        ValueError: for a single view.

    Reference:
        Grill et al. 2020, "Bootstrap Your Own Latent" (arXiv 2006.07733), section 3.1, equation 2.
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, predictions, targets):
        if predictions.shape[1] is not None and predictions.shape[1] < 2:
            raise ValueError(
                "BYOL predicts the other views of an image and needs at least 2 views on axis 1. "
                f"Received: predictions of shape {tuple(predictions.shape)}"
            )
        p = ops.transpose(unit_length(predictions), (2, 0, 1, 3))  # (A, B, V, D)
        t = ops.transpose(unit_length(targets), (2, 0, 3, 1))  # (A, B, D, V)
        distances = 2.0 - 2.0 * ops.matmul(p, t)  # (A, B, V, V)
        return mean_of_pairs(distances)

    def compute_output_shape(self, predictions_shape, targets_shape):
        return ()
