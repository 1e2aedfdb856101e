import numpy as np

from keras_simmim._numbers import check_integer


def standardize_image_shape(image_shape):
    """Checks `(height, width, channels)` and returns it as a tuple; height and width may be None.

    Raises:
        ValueError: for anything else.
    """
    sizes = tuple(image_shape) if isinstance(image_shape, list | tuple | np.ndarray) else ()
    try:
        height, width, channels = sizes
        return (
            check_integer("image_shape", height, optional=True),
            check_integer("image_shape", width, optional=True),
            check_integer("image_shape", channels),
        )
    except ValueError:
        raise ValueError(
            "`image_shape` must be (height, width, channels) of positive integers; height and "
            f"width may be None. Received: image_shape={image_shape}"
        ) from None


def known_image_shape(encoder):
    """`(height, width, channels)` that an encoder was made for, None if it does not know it.

    Keras knows it of a functional model, and of another once it is built; ours say it.
    """
    shape = getattr(encoder, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] is None:
        return None
    return shape[1:]


def build_if_shape_is_known(model):
    """Builds a model around an encoder that knows its images: the last line of an `__init__`.

    What can't work then fails when the model is made, and its weights can be counted.
    """
    image_shape = known_image_shape(model)
    if image_shape is not None:
        model.build((None, *image_shape))
