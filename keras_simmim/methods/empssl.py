import keras

from keras_simmim.heads import ProjectionHead
from keras_simmim.losses import EMPSSLLoss
from keras_simmim.methods.method import Method
from keras_simmim.views import ViewSplitter


@keras.saving.register_keras_serializable(package="keras_simmim")
class EMPSSL(Method):
    """Pre-training on many small views of each image: spread the batch, gather the views.

    The embeddings of a view of all images fill as many dimensions as they can (total coding rate),
    those of all views of an image agree with their mean. An image is represented by the mean over
    its views: `evaluation.embed(model, images, num_views=20)`.

    Args:
        encoder: `keras.Model` or layer from images to a map `(N, h, w, F)`, tokens `(N, T, F)` or
            a vector `(N, F)`.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up; None: 20 views,
            each a quarter of the image, square, with a blur and a solarization in one of ten.
        projection_head: layer from features to embeddings `(N, A, D)`; None:
            `ProjectionHead(embedding_dim=1024, hidden_dim=4096)`.
        invariance: weight of the agreement against the coding rate.
        epsilon_squared: squared distortion of the coding rate.
        online_probe: `heads.OnlineProbe` to learn the labels that `fit` is given; None: none.

    Call arguments:
        images: `(B, H, W, C)` or ready views `(B, V, h, w, C)`, uint8 or float, 0...255.
        training: False gives what `predict` gives; True gives what the loss is computed from.

    Returns:
        With `training=False` the pooled features of whole images, `(B, F)` float32 (of ready views,
        their mean). With `training=True` a dictionary of tensors of freshly drawn views:
        `"embeddings"`, `(B, V, A, D)` float32.

    Raises:
        ValueError: for an encoder that can't be used with these images, sample weights, or a
            loss or metrics given to `compile`.

    Reference:
        Tong et al. 2023, "EMP-SSL: Towards Self-Supervised Learning in One Training Epoch" (arXiv
        2304.03977), section 3; sizes, weights and augmentations as in its code, whose head has a
        second hidden layer of 4,096.
    """

    def __init__(
        self,
        encoder,
        view_splitter=None,
        projection_head=None,
        invariance=200.0,
        epsilon_squared=0.2,
        online_probe=None,
        **kwargs,
    ):
        if view_splitter is None:
            view_splitter = ViewSplitter(
                num_views=20,
                crop_scale=(0.25, 0.25),
                crop_ratio=(1.0, 1.0),
                hue=0.2,
                blur=0.1,
                solarize=0.1,
            )
        if projection_head is None:
            projection_head = ProjectionHead(embedding_dim=1024, hidden_dim=4096)
        super().__init__(
            encoder=encoder,
            view_splitter=view_splitter,
            head=projection_head,
            loss=EMPSSLLoss(invariance, epsilon_squared),
            online_probe=online_probe,
            **kwargs,
        )
        self.build_if_shape_is_known()

    def get_config(self):
        return {
            **super().get_config(),
            "projection_head": keras.saving.serialize_keras_object(self.head),
            "invariance": self.embedding_loss.invariance,
            "epsilon_squared": self.embedding_loss.epsilon_squared,
        }
