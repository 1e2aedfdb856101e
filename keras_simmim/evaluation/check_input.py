import keras

from keras_simmim.encoders import Standardize
from keras_simmim.encoders.image_shape import known_image_shape
from keras_simmim.views.check_images import check_images


def check_input(model: keras.layers.Layer, images) -> None:
    """Raises what is wrong with images for a model that is known to take raw pixels.

    Args:
        model: method or encoder. What one without `Standardize` wants is not known.
        images: NumPy `(N, H, W, C)`; what is no NumPy array passes.

    Raises:
        ValueError: as `check_images`.
    """
    if any(isinstance(layer, Standardize) for layer in model._flatten_layers()):
        shape = known_image_shape(getattr(model, "encoder", model))
        check_images(images, None if shape is None else shape[-1])
