import keras


def require_encoder(encoder):
    """Raises a ValueError unless it is a Keras model or layer, and not a method that trains one."""
    if isinstance(encoder, keras.layers.Layer):
        if hasattr(encoder, "view_splitter"):
            raise ValueError(
                "An encoder is needed: give the method's own, its `.encoder`. "
                f"Received: {type(encoder).__name__} '{encoder.name}'"
            )
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
