import keras
from keras import ops

from keras_simmim.backend import TrainStepMixin
from keras_simmim.encoders import check_encoder, pool
from keras_simmim.metrics import ContrastiveAccuracy, EmbeddingStd


class Method(TrainStepMixin, keras.Model):
    """What the methods share: views of images, an encoder, a head, and a loss on embeddings.

    `fit` takes images alone or `(images, labels)`; labels have no part in the loss. Images are
    `(B, H, W, C)`, uint8 or float, 0...255, or ready views `(B, V, h, w, C)`. Each train step draws
    new views; each validation step draws its views from a fixed seed, so that epochs compare.

    A method with a target network makes it in `build` and updates it in `after_train_step`; one
    with another loss overrides `compute_loss`.

    Args:
        encoder: `keras.Model` or layer from images to a map `(N, h, w, F)`, tokens `(N, T, F)` or
            a vector `(N, F)`.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up.
        head: layer from features to embeddings `(N, A, D)`.
        embedding_loss: layer from embeddings `(B, V, A, D)` to a scalar.

    Call arguments:
        images: `(B, H, W, C)` or `(B, V, h, w, C)`, uint8 or float, 0...255.
        training: False gives what `predict` gives; True gives what the loss is computed from.

    Returns:
        With `training=False` the pooled features of whole images, `(B, F)` float32 (of ready views,
        their mean); with `training=True` the embeddings of freshly drawn views, `(B, V, A, D)`
        float32.

    Raises:
        ValueError: for an encoder that can't be used with these images, sample weights, or a
            loss or metrics given to `compile`.
    """

    validation_seed = 0

    def __init__(self, encoder, view_splitter, head, embedding_loss, **kwargs):
        # Views are made from the pixels as they are: 8 bits do not fit into bfloat16.
        super().__init__(autocast=False, **kwargs)
        self.encoder = encoder
        self.view_splitter = view_splitter
        self.head = head
        self.embedding_loss = embedding_loss
        self.contrastive_accuracy = ContrastiveAccuracy()
        self.embedding_std = EmbeddingStd()

    def build_if_shape_is_known(self):
        """Builds a method whose encoder knows its image shape: the last line of an `__init__`.

        What can't work then fails when the method is made, and weights exist before `fit`.
        """
        image_shape = _input_shape(self.encoder)
        if image_shape is not None:
            self.build((None, *image_shape))

    @property
    def view_splitters(self):
        """The view splitters as a list."""
        if isinstance(self.view_splitter, (list, tuple)):
            return list(self.view_splitter)
        return [self.view_splitter]

    def build(self, images_shape):
        if self.built:
            return
        if len(images_shape) not in (4, 5):
            raise ValueError(
                f"{type(self).__name__} takes images (batch, height, width, channels) or views "
                "(batch, views, height, width, channels). "
                f"Received: shape {tuple(images_shape)}"
            )
        if len(images_shape) == 5:
            view_shapes = [tuple(images_shape[2:])]
        else:
            view_shapes = [self._view_shape(s, images_shape) for s in self.view_splitters]
        self._channels = images_shape[-1]
        for view_shape in view_shapes:
            features_shape = check_encoder(self.encoder, view_shape)
        if not self.head.built:
            self.head.build(features_shape)

    def _view_shape(self, view_splitter, images_shape):
        height, width = view_splitter.view_size or images_shape[1:3]
        return (height, width, images_shape[3])

    def call(self, images, training=False):
        if images.shape[-1] not in (None, self._channels):
            # A functional encoder may take them without a word, or fail deep inside.
            raise ValueError(
                f"This {type(self).__name__} was made for images of {self._channels} channels, on "
                f"the last axis. Received: images of shape {tuple(images.shape)}"
            )
        if training:
            return self.embed_views(images, training=True)
        if len(images.shape) == 4:
            return pool(self.encoder(images, training=False))
        batch, views = ops.shape(images)[:2]
        features = pool(self.encoder(_merge_views(images), training=False))
        return ops.mean(ops.reshape(features, (batch, views, features.shape[-1])), axis=1)

    def embed_views(self, images, training=False, seed=None):
        """Draws views of images and embeds them.

        Args:
            images: `(B, H, W, C)`, or ready views `(B, V, h, w, C)`, which are taken as they are.
            training: whether encoder and head run in training mode.
            seed: integer for the same views each time; None draws new ones.

        Returns:
            `(B, V, A, D)` float32; V adds up over the view splitters.
        """
        if len(images.shape) == 5:
            views = [images]
        else:
            views = [splitter(images, seed=seed) for splitter in self.view_splitters]
        return ops.concatenate([self._embed(v, training) for v in views], axis=1)

    def _embed(self, views, training):
        batch, num_views = ops.shape(views)[:2]
        features = self.encoder(_merge_views(views), training=training)  # (B*V, ...)
        embeddings = self.head(features, training=training)  # (B*V, A, D)
        return ops.reshape(embeddings, (batch, num_views, *embeddings.shape[1:]))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of a batch; also updates the metrics. `y` has no part in it."""
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} compares the images of a batch with each other, so its "
                "loss has no per-image weights. Leave images out of the data or repeat them "
                "instead. Received: sample weights"
            )
        embeddings = y_pred if training else self.embed_views(x, seed=self.validation_seed)
        self.contrastive_accuracy.update_state(embeddings)
        self.embedding_std.update_state(embeddings)
        return self.embedding_loss(embeddings)

    def after_train_step(self):
        """Runs in the train step after the optimizer's update, on every backend."""

    def compile(self, optimizer="adam", loss=None, metrics=None, weighted_metrics=None, **kwargs):
        """Configures training, as `keras.Model.compile` does, with the method's own loss."""
        given = {"loss": loss, "metrics": metrics, "weighted_metrics": weighted_metrics}
        given = {name: value for name, value in given.items() if value is not None}
        if given:
            raise ValueError(
                f"{type(self).__name__} brings its own loss and metrics: choose the loss when the "
                f"model is made, and judge features with callbacks. Received: {given}"
            )
        super().compile(optimizer=optimizer, **kwargs)

    def get_compile_config(self):
        config = super().get_compile_config()
        optimizer = config.get("optimizer") if config else None
        if isinstance(optimizer, dict) and optimizer["module"].startswith("keras.src."):
            # Under torch Keras names its own torch class, which no other backend can run.
            optimizer["module"] = "keras.optimizers"
        return config

    def compile_from_config(self, config):
        # Keras skips this step on loading for a model whose `compile` is its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        # Keras leaves these out, and a resumed run would draw other views.
        for index, state in enumerate(self._seed_states()):
            store[f"seed_{index}"] = ops.convert_to_numpy(state.value).astype("int64")

    def load_own_variables(self, store):
        seeds = {key: store[key] for key in store.keys() if key.startswith("seed_")}
        super().load_own_variables({k: store[k] for k in store.keys() if k not in seeds})
        for index, state in enumerate(self._seed_states()):
            if f"seed_{index}" in seeds:
                state.assign(ops.cast(seeds[f"seed_{index}"][()], state.dtype))

    def _seed_states(self):
        """States of all seed generators below: `variables` has them, `weights` does not."""
        weights = {id(weight) for weight in self.weights}
        return [variable for variable in self.variables if id(variable) not in weights]

    def compute_output_shape(self, images_shape):
        """Shape `(B, F)` of `call(images)`."""
        return (images_shape[0], check_encoder(self.encoder, images_shape[-3:])[-1])

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))


def _merge_views(views):
    """Turns (B, V, h, w, C) into (B*V, h, w, C)."""
    return ops.reshape(views, (-1, *ops.shape(views)[2:]))


def _input_shape(encoder):
    """The image shape that an encoder was made for, None if it does not know it."""
    # Ours say it; of a foreign one Keras knows it if it is functional or built.
    shape = getattr(encoder, "image_shape", None)
    if shape is None:
        batch_shape = getattr(encoder, "input_shape", None)
        shape = batch_shape[1:] if isinstance(batch_shape, tuple) else None
    return shape if shape is not None and len(shape) == 3 and shape[-1] is not None else None
