import keras
from keras import ops

from keras_simmim import backend
from keras_simmim._numbers import check_integer, check_number
from keras_simmim.heads import ProjectionHead
from keras_simmim.losses import InfoNCE
from keras_simmim.methods.method import Method, merge_views, split_views
from keras_simmim.methods.momentum import follow, freeze, frozen_copy, require_built
from keras_simmim.views import ViewSplitter


@keras.saving.register_keras_serializable(package="keras_simmim")
class MoCo(Method):
    """Momentum contrast: queries against the keys of a momentum encoder and a queue of older keys.

    The published batch norm is shuffled over devices, as each normalises its own part of the batch
    and the parts would tell positive keys from the queue's. Here batch norm takes its statistics
    over the whole batch on however many devices, so there are no parts to shuffle over. The key
    encoder uses the statistics of its own batch, as published.

    Args:
        encoder: `keras.Model` or layer from images to a map `(N, h, w, F)`, tokens `(N, T, F)` or
            a vector `(N, F)`.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up; None: two views
            with the defaults of `ViewSplitter`.
        projection_head: layer from features to embeddings `(N, A, D)`; None:
            `ProjectionHead()`.
        temperature: what cosines are divided by.
        queue_size: keys in the queue.
        momentum: what remains of the key encoder at each update, 0...1.
        symmetric: whether every view is a query to the keys of all others (v2+, as in the authors'
            CIFAR-10 demonstration); else the first view of a splitter asks the others.
        online_probe: `heads.OnlineProbe` to learn the labels that `fit` is given; None: none. It
            sees the views that are queries.

    Call arguments:
        images: `(B, H, W, C)` or ready views `(B, V, h, w, C)`, uint8 or float, 0...255.
        training: False gives what `predict` gives; True gives what the loss is computed from.

    Returns:
        With `training=False` the pooled features of whole images, `(B, F)` float32 (of ready views,
        their mean). With `training=True` a dictionary of tensors of freshly drawn views:
        `"embeddings"`, the queries `(B, Q, A, D)`, and `"keys"`, `(B, K, A, D)`, float32.

    Raises:
        ValueError: for an encoder that can't be used with these images, sample weights, a loss or
            metrics given to `compile`, or a method that is compiled before it is built.

    Reference:
        He et al. 2020, "Momentum Contrast for Unsupervised Visual Representation Learning" (arXiv
        1911.05722), section 3; MLP head and temperature 0.2 of Chen et al. 2020, "Improved
        Baselines with Momentum Contrastive Learning" (arXiv 2003.04297).
    """

    def __init__(
        self,
        encoder,
        view_splitter=None,
        projection_head=None,
        temperature=0.2,
        queue_size=4096,
        momentum=0.999,
        symmetric=False,
        online_probe=None,
        **kwargs,
    ):
        queue_size = check_integer("queue_size", queue_size)
        momentum = float(check_number("momentum", momentum, least=0, most=1))
        super().__init__(
            encoder=encoder,
            view_splitter=ViewSplitter() if view_splitter is None else view_splitter,
            head=ProjectionHead() if projection_head is None else projection_head,
            loss=InfoNCE(temperature, symmetric),
            online_probe=online_probe,
            **kwargs,
        )
        self.queue_size = queue_size
        self.momentum = momentum
        self.symmetric = symmetric
        self.build_if_shape_is_known()

    def build(self, images_shape):
        if self.built:
            return
        super().build(images_shape)
        self.target_encoder = frozen_copy(self.encoder, self.view_shape)
        self.target_head = frozen_copy(self.head)
        _, angles, dim = self.head.compute_output_shape(self.features_shape)
        self.queue = self.add_weight(
            name="queue",
            shape=(angles, self.queue_size, dim),
            initializer=keras.initializers.RandomNormal(stddev=dim**-0.5),
            trainable=False,
            dtype="float32",
        )

    def encode_views(self, views, training, seed=None):
        if not self.symmetric and views.shape[1] == 1:
            raise ValueError(
                "The first view of a splitter asks its others: give each splitter `num_views` of "
                "at least 2, or `symmetric=True`. Received: a splitter of 1 view"
            )
        queries, keys = (views, views) if self.symmetric else (views[:, :1], views[:, 1:])
        outputs = super().encode_views(queries, training)
        features = self.target_encoder(merge_views(keys), training=training)
        embeddings = self.target_head(features, training=training)
        outputs["keys"] = split_views(ops.stop_gradient(embeddings), keys)
        return outputs

    def loss_of(self, outputs, training):
        queries, keys = outputs["embeddings"], outputs["keys"]
        self.watch(queries if self.symmetric else ops.concatenate([queries, keys], axis=1))
        # A copy, as the queue changes before the gradient is computed.
        queue = ops.copy(ops.convert_to_tensor(self.queue))
        loss = self.embedding_loss(queries, keys, queue)
        if training:
            newest = ops.transpose(backend.gather(keys), (2, 0, 1, 3))  # (A, B, K, D)
            newest = ops.reshape(newest, (queue.shape[0], -1, queue.shape[2]))
            self.queue.assign(ops.concatenate([newest, queue], axis=1)[:, : self.queue_size])
        return loss

    def freeze_targets(self):
        require_built(self)
        freeze(self.target_encoder)
        freeze(self.target_head)

    def after_train_step(self):
        follow(self.target_encoder, self.encoder, self.momentum, self.optimizer)
        follow(self.target_head, self.head, self.momentum, self.optimizer)

    def get_config(self):
        return {
            **super().get_config(),
            "projection_head": keras.saving.serialize_keras_object(self.head),
            "temperature": self.embedding_loss.temperature,
            "queue_size": self.queue_size,
            "momentum": self.momentum,
            "symmetric": self.symmetric,
        }
