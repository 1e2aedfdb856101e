from collections.abc import Sequence

import keras
import numpy as np

from keras_simmim.encoders.image_shape import standardize_image_shape
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.evaluation.check_features import check_finite


def standardize_features(
    encoder: keras.layers.Layer, features: np.ndarray, image_shape: Sequence[int | None]
) -> keras.Sequential:
    """Makes an encoder of which each feature has mean 0 and variance 1 over some images.

    For kNN or a search by similarity. Features that come out of a ReLU have a large mean in common
    and channels of very different spread, which rule the cosine of any two images; standardised,
    images near each other are more often of one class.

    Args:
        encoder: trained `keras.Model` or layer from images to a map `(B, h, w, F)`, tokens
            `(B, T, F)` or a vector `(B, F)`; becomes a part of the result and does not change.
        features: `(N, F)`, what `embed` makes of images such as it was trained on, a thousand or
            more.
        image_shape: `(height, width, channels)` of the images that the result takes; height and
            width may be None if they may be for the encoder.

    Returns:
        `encoder`, followed by a `keras.layers.Rescaling` in float32, so that the average of a
        map or of tokens over their positions is standardised. A feature that is the same for all
        images becomes 0.

    Raises:
        ValueError: for an encoder or features that can't be used.

    Reference:
        He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners" (arXiv 2111.06377),
        appendix A.1, where a batch norm without weights does this before the linear probe.
    """
    require_encoder(encoder)
    image_shape = standardize_image_shape(image_shape)
    features = np.asarray(features, "float32")
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            "`features` must be (N, F), those of at least two images. "
            f"Received: shape {features.shape}"
        )
    check_finite("`features`", features)
    mean, std = features.mean(axis=0), features.std(axis=0)
    scale = 1 / np.where(std <= 1e-3 * std.max(), 1.0, std)
    # Not `Normalization`, whose constants tf2onnx makes inputs of.
    standardize = keras.layers.Rescaling(
        scale.tolist(), (-mean * scale).tolist(), dtype="float32", name="standardize_features"
    )
    return keras.Sequential([keras.Input(image_shape), encoder, standardize])
