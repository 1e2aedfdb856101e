def standardize_image_shape(image_shape):
    """Checks `(height, width, channels)` and returns it as a tuple; height and width may be None.

    Raises:
        ValueError: for anything else.
    """
    sizes = tuple(image_shape) if isinstance(image_shape, (list, tuple)) else ()
    whole = [size for size in sizes if isinstance(size, int) and size > 0]
    known = [size for size in sizes if size is not None]
    if len(sizes) != 3 or whole != known or sizes[-1] is None:
        raise ValueError(
            "`image_shape` must be (height, width, channels) of positive integers; height and "
            f"width may be None. Received: image_shape={image_shape}"
        )
    return sizes


def known_image_shape(encoder):
    """`(height, width, channels)` that an encoder was made for, None if it does not know it.

    Keras knows it of a functional model, and of another once it is built; ours say it.
    """
    shape = getattr(encoder, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] is None:
        return None
    return shape[1:]
