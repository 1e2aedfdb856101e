import keras

from keras_simmim.heads import AttentionHead
from keras_simmim.losses import NTXent
from keras_simmim.methods.method import Method
from keras_simmim.views import ViewSplitter


@keras.saving.register_keras_serializable(package="keras_simmim")
class SimMIM(Method):
    """Multi-view contrastive pre-training with attention that looks from several angles.

    Splits each image into views, encodes every view into a feature map, looks at the map from
    several angles by an attention head, and contrasts the embeddings: views of one image are pulled
    together and other images are pushed away, angle by angle. This is not the masked image
    modelling of Xie et al. 2022, which has the same name.

    Args:
        encoder: `keras.Model` or layer from images to a map `(N, h, w, F)`, tokens `(N, T, F)` or
            a vector `(N, F)`.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up; None: two views
            with the defaults of `ViewSplitter`.
        attention_head: layer from features to embeddings `(N, A, D)`; None: `AttentionHead()`.
        loss: layer from embeddings `(B, V, A, D)` to a scalar; None: `NTXent()`.
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

    Example:

    ```python
    model = keras_simmim.SimMIM(encoder=keras_simmim.encoders.ResNet(depth=18, width=32))
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.fit(images, batch_size=256, epochs=10)
    features = model.predict(images)
    ```
    """

    def __init__(
        self,
        encoder,
        view_splitter=None,
        attention_head=None,
        loss=None,
        online_probe=None,
        **kwargs,
    ):
        super().__init__(
            encoder=encoder,
            view_splitter=ViewSplitter() if view_splitter is None else view_splitter,
            head=AttentionHead() if attention_head is None else attention_head,
            loss=NTXent() if loss is None else loss,
            online_probe=online_probe,
            **kwargs,
        )
        self.build_if_shape_is_known()

    def get_config(self):
        return {
            **super().get_config(),
            "attention_head": keras.saving.serialize_keras_object(self.head),
            "loss": keras.saving.serialize_keras_object(self.embedding_loss),
        }
