import re

import keras


def encode_symbolically(encoder, image_shape, batch=None, **kwargs):
    """Calls the encoder on no data, which also builds it.

    Args:
        encoder: `keras.Model` or layer.
        image_shape: `(height, width, channels)`.
        batch: number of images; None: any.
        **kwargs: further arguments of the call.

    Returns:
        What the encoder returns, with `keras.KerasTensor` in the place of tensors.
    """
    return encoder(keras.Input(tuple(image_shape), batch, dtype="float32"), **kwargs)


def build_encoder(encoder, image_shape):
    """Makes the weights of an encoder.

    That it is built says little: Keras marks a layer without a `build` of its own as built when it
    loads it, and leaves those inside of it without weights.

    Args:
        encoder: `keras.Model` or layer.
        image_shape: `(height, width, channels)`.
    """
    if not getattr(encoder, "inputs", None):  # neither functional nor sequential and built
        encode_symbolically(encoder, image_shape)


def words_of(error):
    """Returns what an error of a call says in a line, without Keras's colours and arguments."""
    plain = re.sub("\x1b\\[[0-9;]*m", "", str(error))
    return " ".join(plain.split("\n\nArguments received")[0].split()) or type(error).__name__


def output_shape(encoder, images_shape):
    """Shape of `encoder(images)`, a nest of shapes if it returns several tensors."""
    outputs = encode_symbolically(encoder, images_shape[1:])
    return keras.tree.map_structure(lambda x: (images_shape[0], *x.shape[1:]), outputs)
