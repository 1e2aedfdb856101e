import math

import keras
from keras import ops

from keras_simmim._numbers import check_integer, check_number
from keras_simmim.heads import ProjectionHead
from keras_simmim.losses import BYOLLoss
from keras_simmim.methods.method import Method, merge_views, split_views
from keras_simmim.methods.momentum import (
    batches_seen,
    follow,
    freeze,
    frozen_copy,
    require_built,
)
from keras_simmim.views import ViewSplitter


@keras.saving.register_keras_serializable(package="keras_simmim")
class BYOL(Method):
    """Bootstrap your own latent: predict a momentum network's embedding of the other views.

    There are no negatives: what keeps the embeddings apart are the predictor and the slow target.
    As the predictor has to be ahead of the target, BYOL asks for a larger learning rate or more
    steps than contrastive methods.

    Args:
        encoder: `keras.Model` or layer from images to a map `(N, h, w, F)`, tokens `(N, T, F)` or
            a vector `(N, F)`.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up; None: two views
            with the defaults of `ViewSplitter`.
        projection_head: layer from features to embeddings `(N, A, D)`; None:
            `ProjectionHead(embedding_dim=256, hidden_dim=4096, normalize=False)`, as published.
        prediction_head: layer from one embedding `(N, D)` to predictions `(N, 1, D)`; None:
            `ProjectionHead(D, hidden_dim=4096, normalize=False)`, as published.
        momentum: what remains of the target at the first update, 0...1.
        momentum_steps: batches in which the momentum rises to 1 by a cosine; None: it stays.
        online_probe: `heads.OnlineProbe` to learn the labels that `fit` is given; None: none.

    Call arguments:
        images: `(B, H, W, C)` or ready views `(B, V, h, w, C)`, uint8 or float, 0...255.
        training: False gives what `predict` gives; True gives what the loss is computed from.

    Returns:
        With `training=False` the pooled features of whole images, `(B, F)` float32 (of ready views,
        their mean). With `training=True` a dictionary of tensors of freshly drawn views:
        `"embeddings"`, `"predictions"` and `"targets"`, each `(B, V, A, D)` float32.

    Raises:
        ValueError: for an encoder that can't be used with these images, sample weights, a loss or
            metrics given to `compile`, or a method that is compiled before it is built.

    Reference:
        Grill et al. 2020, "Bootstrap Your Own Latent" (arXiv 2006.07733), section 3: the loss is
        equation 2, the momentum's cosine is in section 3.3.
    """

    def __init__(
        self,
        encoder,
        view_splitter=None,
        projection_head=None,
        prediction_head=None,
        momentum=0.996,
        momentum_steps=None,
        online_probe=None,
        **kwargs,
    ):
        if projection_head is None:
            projection_head = ProjectionHead(256, 4096, normalize=False)
        if prediction_head is None:
            dim = getattr(projection_head, "embedding_dim", None)
            if dim is None:
                raise ValueError(
                    "`prediction_head` is needed with a projection head that has no "
                    "`embedding_dim`: for instance `ProjectionHead(dim, 4096, normalize=False)`. "
                    f"Received: projection_head={projection_head!r}, prediction_head=None"
                )
            prediction_head = ProjectionHead(dim, 4096, normalize=False)
        momentum = float(check_number("momentum", momentum, least=0, most=1))
        momentum_steps = check_integer("momentum_steps", momentum_steps, optional=True)
        super().__init__(
            encoder=encoder,
            view_splitter=ViewSplitter() if view_splitter is None else view_splitter,
            head=projection_head,
            loss=BYOLLoss(),
            online_probe=online_probe,
            **kwargs,
        )
        self.prediction_head = prediction_head
        self.momentum = momentum
        self.momentum_steps = momentum_steps
        self.build_if_shape_is_known()

    def build(self, images_shape):
        if self.built:
            return
        super().build(images_shape)
        self.target_encoder = frozen_copy(self.encoder, self.view_shape)
        self.target_head = frozen_copy(self.head)
        if not self.prediction_head.built:
            self.prediction_head.build(
                (None, self.head.compute_output_shape(self.features_shape)[-1])
            )

    def encode_views(self, views, training, seed=None):
        outputs = super().encode_views(views, training)
        embeddings = outputs["embeddings"]
        predictions = self.prediction_head(
            ops.reshape(embeddings, (-1, embeddings.shape[-1])), training=training
        )
        outputs["predictions"] = ops.reshape(predictions, ops.shape(embeddings))
        features = self.target_encoder(merge_views(views), training=training)
        targets = self.target_head(features, training=training)
        outputs["targets"] = split_views(ops.stop_gradient(targets), views)
        return outputs

    def loss_of(self, outputs, training):
        self.watch(outputs["embeddings"])
        return self.embedding_loss(outputs["predictions"], outputs["targets"])

    def freeze_targets(self):
        require_built(self)
        freeze(self.target_encoder)
        freeze(self.target_head)

    def after_train_step(self):
        momentum = self.momentum
        if self.momentum_steps is not None:
            done = ops.cast(batches_seen(self.optimizer), "float32") / self.momentum_steps
            momentum = 1 - (1 - momentum) * (1 + ops.cos(math.pi * ops.minimum(done, 1.0))) / 2
        follow(self.target_encoder, self.encoder, momentum, self.optimizer)
        follow(self.target_head, self.head, momentum, self.optimizer)

    def get_config(self):
        return {
            **super().get_config(),
            "projection_head": keras.saving.serialize_keras_object(self.head),
            "prediction_head": keras.saving.serialize_keras_object(self.prediction_head),
            "momentum": self.momentum,
            "momentum_steps": self.momentum_steps,
        }
