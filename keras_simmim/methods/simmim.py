import keras
from keras import ops

from keras_simmim.encoders.image_shape import known_image_shape
from keras_simmim.encoders.layer_outputs import layer_outputs
from keras_simmim.heads import AttentionHead
from keras_simmim.losses import NTXent
from keras_simmim.methods.method import Method, merge_views, split_views
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
        inner_heads: dictionary from the name of a layer inside the encoder to an attention head on
            what that layer gives: more angles, on finer maps, which train the lower layers
            directly. Names are those that `encoders.feature_map` takes, such as
            `encoder.stage_end(3)` of a `ResNet`. A adds up over the heads. None: only the encoder's
            output is looked at.
        online_probe: `heads.OnlineProbe` to learn the labels that `fit` is given; None: none.

    Call arguments:
        images: `(B, H, W, C)` or ready views `(B, V, h, w, C)`, uint8 or float, 0...255.
        training: False gives what `predict` gives; True gives what the loss is computed from.

    Returns:
        With `training=False` the pooled features of whole images, `(B, F)` float32 (of ready views,
        their mean). With `training=True` a dictionary of tensors of freshly drawn views:
        `"embeddings"`, `(B, V, A, D)` float32.

    Raises:
        ValueError: for an encoder that can't be used with these images, sample weights, a loss or
            metrics given to `compile`, or inner heads that do not fit.

    Reference:
        Losses on inner layers: Lee et al. 2015, "Deeply-Supervised Nets" (arXiv 1409.5185).

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
        inner_heads=None,
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
        self.inner_heads = dict(inner_heads or {})
        self.build_if_shape_is_known()

    def build(self, images_shape):
        if self.built:
            return
        super().build(images_shape)
        if not self.inner_heads:
            return
        image_shape = known_image_shape(self.encoder) or self.view_shape
        images = keras.Input(image_shape, dtype="float32")
        outputs = layer_outputs(self.encoder, images)
        inner = outputs.pick(self.inner_heads, "inner_heads")
        maps = [inner[name] for name in self.inner_heads]
        self.encoder_with_maps = keras.Model(images, [outputs.output, *maps])
        dim = self.head.compute_output_shape(self.features_shape)[-1]
        for x, (name, head) in zip(maps, self.inner_heads.items(), strict=True):
            if not head.built:
                head.build(x.shape)
            if head.compute_output_shape(x.shape)[-1] != dim:
                raise ValueError(
                    "All heads embed into the same number of dimensions. Received: "
                    f"{head.compute_output_shape(x.shape)[-1]} of the head on '{name}', "
                    f"{dim} of `attention_head`"
                )

    def encode_views(self, views, training, seed=None):
        if not self.inner_heads:
            return super().encode_views(views, training, seed)
        maps = self.encoder_with_maps(merge_views(views), training=training)
        heads = (self.head, *self.inner_heads.values())
        embeddings = [head(x, training=training) for head, x in zip(heads, maps, strict=True)]
        embeddings = ops.concatenate(embeddings, axis=1)  # (B*V, A, D)
        outputs = {"embeddings": split_views(embeddings, views)}
        return self.with_features(outputs, maps[0], views)

    def get_config(self):
        return {
            **super().get_config(),
            "attention_head": keras.saving.serialize_keras_object(self.head),
            "loss": keras.saving.serialize_keras_object(self.embedding_loss),
            "inner_heads": {
                name: keras.saving.serialize_keras_object(head)
                for name, head in self.inner_heads.items()
            },
        }
