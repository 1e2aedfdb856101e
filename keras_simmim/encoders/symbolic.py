import keras


def require_layer(encoder):
    """Raises a ValueError unless the encoder is a Keras model or layer."""
    if isinstance(encoder, keras.layers.Layer):
        return
    advice = ""
    if isinstance(encoder, type) and issubclass(encoder, keras.layers.Layer):
        advice = f" Make one of this class: {encoder.__name__}(...)."
    elif callable(encoder):
        advice = " Call it from the `call` method of a `keras.layers.Layer` of your own."
    raise ValueError(
        f"`encoder` must be a `keras.Model` or `keras.layers.Layer`.{advice} "
        f"Received: {encoder!r} of type {type(encoder).__name__}"
    )


def encode_symbolically(encoder, image_shape):
    """Calls the encoder on no data, which also builds it.

    Args:
        encoder: `keras.Model` or layer.
        image_shape: `(height, width, channels)`.

    Returns:
        What the encoder returns, with `keras.KerasTensor` in the place of tensors.
    """
    return encoder(keras.Input(tuple(image_shape), dtype="float32"))


def output_shape(encoder, images_shape):
    """Shape of `encoder(images)`, a nest of shapes if it returns several tensors."""
    outputs = encode_symbolically(encoder, images_shape[1:])
    return keras.tree.map_structure(lambda x: (images_shape[0], *x.shape[1:]), outputs)
