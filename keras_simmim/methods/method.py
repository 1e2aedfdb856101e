import functools
import inspect

import keras
from keras import ops

from keras_simmim import backend
from keras_simmim.encoders import check_encoder, pool
from keras_simmim.encoders.image_shape import known_image_shape
from keras_simmim.encoders.refuse_quantization import refuse_quantization
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.methods.check_data import check_batch, check_data, no_weights
from keras_simmim.methods.check_devices import check_devices
from keras_simmim.methods.momentum import innermost
from keras_simmim.metrics import ContrastiveAccuracy, EmbeddingStd

# More than a training makes.
_DRAWS_APART = 2**28


class Method(backend.TrainStepMixin, keras.Model):
    """What the methods share: views of images, an encoder, a head, and a loss on what they give.

    `fit` takes images alone or `(images, labels)`; labels have no part in the loss. Images are
    `(B, H, W, C)`, uint8 or float, 0...255, or ready views `(B, V, h, w, C)`. Each train step draws
    new views; each validation step draws its views from a fixed seed, so that epochs compare.

    By default a loss of the embeddings; another method says in `encode_views` what its loss is
    computed from, and in `loss_of` how. One with a target network makes it in `build` and updates
    it in `after_train_step`.

    Args:
        encoder: `keras.Model` or layer from images to a map `(N, h, w, F)`, tokens `(N, T, F)` or
            a vector `(N, F)`.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up.
        head: layer from features to what the loss needs, such as embeddings `(N, A, D)`.
        loss: layer that gives a scalar.
        online_probe: `heads.OnlineProbe` that learns the labels `fit` is given from the features,
            without a gradient into the encoder; None: labels are ignored.
        watch_embeddings: whether contrastive accuracy and standard deviation of the embeddings are
            measured.

    Call arguments:
        images: `(B, H, W, C)` or `(B, V, h, w, C)`, uint8 or float, 0...255.
        training: False gives what `predict` gives; True gives what the loss is computed from.

    Returns:
        With `training=False` the pooled features of whole images, `(B, F)` float32 (of ready views,
        their mean); with `training=True` a dictionary of tensors `(B, V, ...)` of freshly drawn
        views: those of `encode_views`.

    Raises:
        ValueError: for an encoder that can't be used with these images, weights of images or
            classes, or a loss or metrics given to `compile`. Before a step is taken, for images of
            another shape or range or with NaN pixels, and for labels that the online probe can't
            learn: of arrays, tensors and `datasets.ArrayBatches` all are looked at, of a torch
            `DataLoader` the first image, of other data the first batch. Also for a first batch of
            one image, which has no other to be compared with, and for a last one where `fit` trains
            on an array. Any other batch of one image is left out.
    """

    validation_seed = 0
    least_views = 2
    least_images = 2

    def __init__(
        self,
        encoder,
        view_splitter,
        head,
        loss,
        online_probe=None,
        watch_embeddings=True,
        **kwargs,
    ):
        # Views are made from the pixels as they are: 8 bits do not fit into bfloat16.
        super().__init__(autocast=False, **kwargs)
        require_encoder(encoder)
        self._engine = backend.engine()
        self._is_validating = False
        self.encoder = encoder
        self.view_splitter = view_splitter
        self._tell_seeds_apart()
        self.head = head
        self.embedding_loss = loss
        self.online_probe = online_probe
        if watch_embeddings:
            self.contrastive_accuracy = ContrastiveAccuracy()
            self.embedding_std = EmbeddingStd()

    def _tell_seeds_apart(self):
        """Moves the draws of view splitters of one seed apart: they would draw the same views."""
        seeds = []
        for splitter in self.view_splitters:
            seed = getattr(splitter, "seed", None)
            if seed is not None and seed in seeds:
                splitter.seed_generator.state.assign([seed, seeds.count(seed) * _DRAWS_APART])
            seeds.append(seed)

    def build_if_shape_is_known(self):
        """Builds a method whose encoder knows its image shape: the last line of an `__init__`.

        What can't work then fails when the method is made, and weights exist before `fit`.
        """
        image_shape = known_image_shape(self.encoder)
        if image_shape is not None:
            self.build((None, *image_shape))

    @property
    def channels(self):
        """Number of channels of the images that the method was built for; None: not yet."""
        return self._channels if self.built else None

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
            self._check_views()
            view_shapes = [self._view_shape(s, images_shape) for s in self.view_splitters]
        self._channels = images_shape[-1]
        for view_shape in view_shapes:
            features_shape = check_encoder(self.encoder, view_shape)
        self.view_shape, self.features_shape = view_shape, features_shape
        if not self.head.built:
            self.head.build(features_shape)
        if self.online_probe is not None and not self.online_probe.built:
            self.online_probe.build((None, None, features_shape[-1]))
        self._build_what_has_no_weights()
        if len(images_shape) == 4 and None not in images_shape[1:]:
            for splitter in self.view_splitters:
                splitter.build((None, *images_shape[1:]))  # so that `summary` knows its shapes

    def _build_what_has_no_weights(self):
        """Marks losses and the like as built, which have nothing to build.

        Under JAX, Keras runs a model operation by operation before each `predict` and
        `predict_on_batch` as long as any layer below it is not built, called by then or not.
        """
        for layer in self._flatten_layers(include_self=False, recursive=False):
            below = layer._flatten_layers(include_self=False)
            default = type(layer).build is keras.layers.Layer.build
            if default and all(each.built for each in below):
                backend.mark_built(layer)

    def _check_views(self):
        views = sum(getattr(splitter, "num_views", 2) for splitter in self.view_splitters)
        if views < self.least_views:
            raise ValueError(
                f"{type(self).__name__} compares the views of an image with each other: give its "
                f"view splitter `num_views` of at least {self.least_views}. Received: {views} view"
            )

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
            return self.view_outputs(images, training=True)
        if self._is_validating:
            return self.view_outputs(images, seed=self.validation_seed)
        images = ops.cast(images, "float32")  # as views are: Keras casts no integers
        if len(images.shape) == 4:
            return pool(self.encoder(images, training=False))
        batch, views = ops.shape(images)[:2]
        features = pool(self.encoder(merge_views(images), training=False))
        return ops.mean(ops.reshape(features, (batch, views, features.shape[-1])), axis=1)

    def view_outputs(self, images, training=False, seed=None):
        """Draws views of images and computes what the loss is made from.

        Args:
            images: `(B, H, W, C)`, or ready views `(B, V, h, w, C)`, which are taken as they are.
            training: whether encoder and head run in training mode.
            seed: integer for the same views each time; None draws new ones.

        Returns:
            Dictionary of tensors `(B, V, ...)`: those of `encode_views`, and where there is an
            online probe `"features"`, `(B, V, F)`. V adds up over the view splitters.
        """
        if len(images.shape) == 5:
            views, seeds = [ops.cast(images, "float32")], [seed]
        else:
            # Splitters of one seed would draw alike.
            seeds = [
                None if seed is None else seed + index for index in range(len(self.view_splitters))
            ]
            views = [
                splitter(images, seed=each)
                for splitter, each in zip(self.view_splitters, seeds, strict=True)
            ]
        outputs = [
            self.encode_views(v, training, each) for v, each in zip(views, seeds, strict=True)
        ]
        return {name: ops.concatenate([o[name] for o in outputs], axis=1) for name in outputs[0]}

    def embed_views(self, images, training=False, seed=None):
        """Embeddings of views, `(B, V, A, D)` float32; arguments as of `view_outputs`."""
        return self.view_outputs(images, training, seed)["embeddings"]

    def encode_views(self, views, training, seed=None):
        """What the loss is computed from, of the views `(B, V, h, w, C)` of one splitter.

        Args:
            views: float tensor, 0...255.
            training: whether encoder and head run in training mode.
            seed: integer for the same draws each time, in a method that draws more than views.

        Returns:
            Dictionary with `"embeddings"`, `(B, V, A, D)` float32.
        """
        features = self.encoder(merge_views(views), training=training)  # (B*V, ...)
        embeddings = self.head(features, training=training)  # (B*V, A, D)
        return self.with_features({"embeddings": split_views(embeddings, views)}, features, views)

    def with_features(self, outputs, features, views):
        """Adds to outputs the pooled features that the online probe needs, if there is one."""
        if self.online_probe is None:
            return outputs
        return {**outputs, "features": split_views(pool(features), views)}

    def loss_of(self, outputs, training):
        """The loss of what `view_outputs` gave; also updates the metrics."""
        self.watch(outputs["embeddings"])
        return self.embedding_loss(outputs["embeddings"])

    def watch(self, embeddings):
        """Updates the metrics of embeddings `(B, V, A, D)`."""
        self.contrastive_accuracy.update_state(embeddings)
        self.embedding_std.update_state(embeddings)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of a batch; also updates the metrics. `y` is the online probe's alone."""
        if sample_weight is not None:
            raise ValueError(no_weights(self, "sample weights"))
        loss = self.loss_of(y_pred, training)
        if self.online_probe is None:
            return backend.share_of_loss(loss)
        if y is None:
            raise ValueError(
                "The online probe learns labels: give `fit` and `evaluate` (images, labels), or "
                "make the method without `online_probe`. Received: images alone"
            )
        probe_loss = self.online_probe.loss_of(y_pred["features"], y)
        # Its gradient without its value: the loss that is reported stays the method's.
        return backend.share_of_loss(loss + (probe_loss - ops.stop_gradient(probe_loss)))

    @functools.wraps(keras.Model.fit)
    def fit(self, *args, **kwargs):
        return self._run(super().fit, args, kwargs)

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args, **kwargs):
        return self._run(super().evaluate, args, kwargs)

    @functools.wraps(keras.Model.predict)
    def predict(self, *args, **kwargs):
        call = inspect.signature(super().predict).bind(*args, **kwargs)
        return super().predict(**check_data(self, call.arguments))

    @functools.wraps(keras.Model.train_on_batch)
    def train_on_batch(self, x, *args, **kwargs):
        check_batch(self, x)
        return super().train_on_batch(x, *args, **kwargs)

    @functools.wraps(keras.Model.test_on_batch)
    def test_on_batch(self, x, *args, **kwargs):
        check_batch(self, x)
        return super().test_on_batch(x, *args, **kwargs)

    @functools.wraps(keras.Model.export)
    def export(self, filepath, format="tf_saved_model", *args, **kwargs):
        try:
            return super().export(filepath, format, *args, **kwargs)
        except (ValueError, ImportError):
            raise  # they say what to do
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RuntimeError(
                f"Keras can't write {format} by the backend {keras.backend.backend()} here. "
                "`keras_simmim.export(model, folder, to=...)` writes the encoder in formats of all "
                f"backends. Keras said: {reason}"
            ) from error

    def quantize(self, mode="int8", **kwargs):
        refuse_quantization(self, mode)

    def test_step(self, *args):
        # Keras calls the model on what it validates, and takes what that gives for the loss:
        # the features of whole images would be computed for nothing.
        self._is_validating = True
        try:
            return super().test_step(*args)
        finally:
            self._is_validating = False

    def _run(self, function, args, kwargs):
        """Calls Keras's `fit` or `evaluate` with what this process has to see of the data."""
        check_devices(self, self._engine)
        call = inspect.signature(function).bind(*args, **kwargs)
        if "shuffle" in call.signature.parameters:
            call.arguments.setdefault("shuffle", None)  # nobody said
        call.apply_defaults()
        further = call.arguments.pop("kwargs", {})
        arguments = check_data(self, call.arguments)
        try:
            return function(**backend.prepare_data(arguments, self.least_images), **further)
        except Exception as error:
            for data in (arguments["x"], arguments.get("validation_data")):
                fault = getattr(data, "fault", None)
                if fault not in (None, error):
                    raise fault from None
            if backend.process_count() == 1 or not backend.lost_process(error):
                raise
            raise ConnectionError(
                "Another process of the training has ended, so this one can't go on: the reason "
                "is in what that one printed. Start all of them again; a run that keeps "
                "checkpoints goes on from the last."
            ) from error

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
        # Setting `trainable` of the whole method thaws them.
        self.freeze_targets()
        super().compile(optimizer=optimizer, **kwargs)
        self._jit_compile_asked = kwargs.get("jit_compile", "auto")

    def freeze_targets(self):
        """Excludes target networks from training; for methods that have any."""

    def get_compile_config(self):
        config = super().get_compile_config()
        if config:
            # What Keras chose for this backend is not what it would choose for another.
            config["jit_compile"] = self._jit_compile_asked
            # Keras saves an optimizer without what is excluded from its weight decay.
            decays = innermost(self.optimizer)._use_weight_decay
            variables = enumerate(self.trainable_variables)
            config["undecayed"] = [index for index, variable in variables if not decays(variable)]
        optimizer = config.get("optimizer") if config else None
        while isinstance(optimizer, dict):
            if optimizer["module"].startswith("keras.src."):
                # Under torch Keras names its own torch class, which no other backend can run.
                optimizer["module"] = "keras.optimizers"
            optimizer = optimizer["config"].get("inner_optimizer")  # below loss scaling
        return config

    def compile_from_config(self, config):
        # Keras skips this step on loading for a model whose `compile` is its own.
        config = dict(config)
        undecayed = config.pop("undecayed", [])
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            variables = self.trainable_variables
            if undecayed:
                excluded = [variables[index] for index in undecayed]
                innermost(self.optimizer).exclude_from_weight_decay(var_list=excluded)
            self.optimizer.build(variables)

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
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "view_splitter": keras.saving.serialize_keras_object(self.view_splitter),
            "online_probe": keras.saving.serialize_keras_object(self.online_probe),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))


def merge_views(views):
    """Turns `(B, V, ...)` into `(B*V, ...)`."""
    return ops.reshape(views, (-1, *ops.shape(views)[2:]))


def split_views(x, views):
    """Turns `(B*V, ...)` of views `(B, V, h, w, C)` into `(B, V, ...)`."""
    return ops.reshape(x, (*ops.shape(views)[:2], *x.shape[1:]))
