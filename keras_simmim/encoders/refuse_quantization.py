import keras


def refuse_quantization(model: keras.Model, mode: str) -> None:
    """Raises a ValueError that says how an encoder comes to compute in integers.

    Keras quantizes dense layers alone: a network of convolutions stays as it is, without a word.

    Args:
        model: the method or encoder that Keras was asked to quantize.
        mode: how, as in `keras.Model.quantize`.
    """
    raise ValueError(
        "Keras quantizes dense layers, no convolutions, and what it has quantized can't be trained "
        "on. Write the encoder to a file that computes in integers instead: "
        "`keras_simmim.export(model, folder, to='litert-int8', images=some_training_images)`. "
        f"Received: mode={mode!r} for {type(model).__name__} '{model.name}'"
    )
