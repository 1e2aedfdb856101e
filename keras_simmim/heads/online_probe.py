import keras
import numpy as np
from keras import ops

from keras_simmim import backend
from keras_simmim._numbers import check_integer


@keras.saving.register_keras_serializable(package="keras_simmim")
class OnlineProbe(keras.layers.Layer):
    """A linear classifier that learns from the features while a method trains, and leaves them be.

    It sees the features of the training views through a stopped gradient, so that the labels have
    no effect on the encoder. Its accuracy on the views is `probe_accuracy` in the logs: a trend, as
    features change while it learns; `evaluation.linear_probe` measures.

    Args:
        num_classes: number of classes; labels are integers from 0 on.

    Call arguments:
        features: float tensor `(..., F)`.

    Returns:
        Logits `(..., num_classes)` float32.

    Raises:
        ValueError: for a number of classes that is not a positive integer, or labels that are none
            of them.

    Reference:
        Chen et al. 2020, "SimCLR" (arXiv 2002.05709), appendix B.6, trains a linear classifier on
        the encoder's output at the same time, with a stopped gradient.
    """

    def __init__(self, num_classes, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_classes = check_integer("num_classes", num_classes)
        # Features have any scale, and change theirs as they are trained.
        self.norm = keras.layers.LayerNormalization(
            center=False, scale=False, dtype="float32", name="norm"
        )
        self.classifier = keras.layers.Dense(self.num_classes, dtype="float32", name="classifier")
        self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="probe_accuracy")

    def build(self, features_shape):
        self.norm.build(features_shape)
        self.classifier.build(features_shape)

    def call(self, features):
        return self.classifier(self.norm(ops.stop_gradient(features)))

    def check_labels(self, labels):
        """Raises what is wrong with labels before any time is spent on them.

        Backends differ in what they make of a label that is no class, and some train on it.

        Args:
            labels: NumPy `(N,)` or `(N, 1)`; what is no NumPy array passes.

        Raises:
            ValueError: for labels that are not integers from 0 to below `num_classes`.
        """
        if not isinstance(labels, np.ndarray):
            return
        received = _check_kind(labels)
        if labels.size and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(
                f"The online probe was made for labels 0...{self.num_classes - 1}: give it another "
                f"`num_classes`. {received}, with labels {labels.min()}...{labels.max()}"
            )

    def loss_of(self, features, labels):
        """Cross entropy of the labels, and the accuracy's update.

        Args:
            features: float tensor `(B, V, F)`.
            labels: integers `(B,)` or `(B, 1)`.

        Returns:
            Scalar float32 tensor.
        """
        _check_kind(labels)
        logits = self(features)
        labels = ops.cast(ops.reshape(labels, (-1, 1)), "int32")
        labels = ops.broadcast_to(labels, ops.shape(logits)[:2])
        seen = backend.gather(labels), backend.gather(ops.stop_gradient(logits))
        self.accuracy.update_state(*seen)
        losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return ops.mean(losses)

    def compute_output_shape(self, features_shape):
        return (*features_shape[:-1], self.num_classes)

    def get_config(self):
        config = super().get_config()
        del config["dtype"]
        return {**config, "num_classes": self.num_classes}


def _check_kind(labels):
    """Raises what is wrong with the shape or dtype of labels, or returns what was received."""
    shape = tuple(labels.shape)
    if isinstance(labels, np.ndarray):
        dtype, whole = labels.dtype, labels.dtype.kind in "iub"
    else:
        dtype = keras.backend.standardize_dtype(labels.dtype)
        whole = keras.backend.is_int_dtype(dtype) or dtype == "bool"
    received = f"Received: {dtype} labels of shape {shape}"
    if len(shape) == 2 and shape[1] != 1:
        raise ValueError(
            "The online probe takes the number of each image's class: of one-hot labels "
            f"`labels.argmax(axis=1)`. {received}"
        )
    if len(shape) not in (1, 2) or not whole:
        raise ValueError(
            f"The online probe takes an integer label for each image, (images,). {received}"
        )
    return received
