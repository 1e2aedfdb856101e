from collections.abc import Sequence

import keras
import numpy as np

from keras_simmim.encoders.image_shape import standardize_image_shape
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.evaluation.check_features import check_labels
from keras_simmim.evaluation.classifier import Classifier
from keras_simmim.evaluation.linear_probe import C_VALUES, fit_regression, probe_options


def linear_classifier(
    encoder: keras.layers.Layer,
    train_x: np.ndarray,
    train_y: np.ndarray,
    image_shape: Sequence[int],
    c_values: Sequence[float] = C_VALUES,
    max_iter: int = 1000,
    seed: int = 0,
) -> Classifier:
    """The linear probe of an encoder as a model from images to logits, to save and to export.

    The regression is the one that `linear_probe` judges; the mean and standard deviation that it
    takes out of the features are folded into its weights.

    Args:
        encoder: encoder, which becomes a part of the classifier and does not change.
        train_x: features `(N, F)`, what `embed` makes of the training images.
        train_y: integer labels `(N,)`, each of 0...num_classes - 1 among them.
        image_shape: `(height, width, channels)`.
        c_values: as in `linear_probe`.
        max_iter: as in `linear_probe`.
        seed: as in `linear_probe`.

    Returns:
        `Classifier`, built.

    Raises:
        ImportError: without scikit-learn.
        ValueError: for an encoder, features or labels that can't be used.
    """
    require_encoder(encoder)
    image_shape = standardize_image_shape(image_shape)
    options = probe_options(c_values, max_iter, seed)
    train_x = np.asarray(train_x, "float32")
    train_y = check_labels("train_y", train_y, len(train_x))
    classes = np.unique(train_y)
    if not np.array_equal(classes, np.arange(len(classes))):
        raise ValueError(
            "`train_y` must have each label from 0 to the largest: number the classes anew by "
            "`numpy.unique(train_y, return_inverse=True)`. "
            f"Received: labels {classes[:10].tolist()}{', ...' if len(classes) > 10 else ''}"
        )
    scaler, regression = fit_regression(train_x, train_y, **options)
    kernel = regression.coef_.T / scaler.scale_[:, None]  # (F, num_classes)
    bias = regression.intercept_ - scaler.mean_ @ kernel
    if len(classes) == 2:  # scikit-learn has one logit then: that of class 1 against 0
        kernel, bias = np.hstack([0 * kernel, kernel]), np.concatenate([[0.0], bias])
    classifier = Classifier(encoder, num_classes=len(classes))
    classifier.build((None, *image_shape))
    classifier.classifier.set_weights([kernel, bias])
    return classifier
