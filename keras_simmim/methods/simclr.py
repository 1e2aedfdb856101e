import keras

from keras_simmim.heads import ProjectionHead
from keras_simmim.losses import NTXent
from keras_simmim.methods.method import Method
from keras_simmim.views import ViewSplitter


@keras.saving.register_keras_serializable(package="keras_simmim")
class SimCLR(Method):
    """Contrastive pre-training by averaged features, an MLP and NT-Xent over the batch.

    Args:
        encoder: `keras.Model` or layer from images to a map `(N, h, w, F)`, tokens `(N, T, F)` or
            a vector `(N, F)`.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up; None: two views
            with the defaults of `ViewSplitter`.
        projection_head: layer from features to embeddings `(N, A, D)`; None:
            `ProjectionHead()`.
        temperature: temperature of NT-Xent.
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
        Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations"
        (arXiv 2002.05709), section 2.1; temperature 0.5 for CIFAR-10 as in appendix B.9.
    """

    def __init__(
        self,
        encoder,
        view_splitter=None,
        projection_head=None,
        temperature=0.5,
        online_probe=None,
        **kwargs,
    ):
        super().__init__(
            encoder=encoder,
            view_splitter=ViewSplitter() if view_splitter is None else view_splitter,
            head=ProjectionHead() if projection_head is None else projection_head,
            loss=NTXent(temperature),
            online_probe=online_probe,
            **kwargs,
        )
        self.build_if_shape_is_known()

    def get_config(self):
        return {
            **super().get_config(),
            "projection_head": keras.saving.serialize_keras_object(self.head),
            "temperature": self.embedding_loss.temperature,
        }
