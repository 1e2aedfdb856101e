from keras_simmim.methods import Method


def require_encoder(encoder):
    """Raises a ValueError where a method is given in place of its encoder."""
    if isinstance(encoder, Method):
        raise ValueError(
            "An encoder is needed: give the method's own, its `.encoder`. "
            f"Received: {type(encoder).__name__} '{encoder.name}'"
        )
