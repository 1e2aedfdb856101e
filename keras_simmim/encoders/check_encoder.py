import keras

from keras_simmim import backend
from keras_simmim.encoders.channels_first import ChannelsFirst
from keras_simmim.encoders.image_shape import known_image_shape, standardize_image_shape
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.encoders.symbolic import encode_symbolically, words_of


def check_encoder(encoder, image_shape):
    """Checks that an encoder turns images of a shape into features, without running it.

    Builds the encoder if it is not built yet.

    Args:
        encoder: `keras.Model` or layer from images to a map `(B, h, w, F)`, tokens `(B, T, F)` or a
            vector `(B, F)`.
        image_shape: `(height, width, channels)`.

    Returns:
        The shape of the features, `(None, ..., F)`.

    Raises:
        ValueError: for an encoder that is not a Keras model or layer, can't take these images,
            returns several tensors, features of another rank, of unknown length or that are no
            floats, an empty or a channels_first map, or in training others than otherwise.
    """
    require_encoder(encoder)
    image_shape = standardize_image_shape(image_shape)
    _check_channels(encoder, image_shape)
    features = _features(encoder, image_shape)
    shape = tuple(features.shape)
    if len(shape) not in (2, 3, 4):
        raise ValueError(
            f"The encoder '{encoder.name}' must return a map (batch, height, width, channels), "
            "tokens (batch, positions, channels) or a vector (batch, channels). Add a "
            f"`keras.layers.Reshape` after it. Received: features of shape {shape}"
        )
    if len(shape) == 4:
        _check_layout(encoder)
    if shape[-1] is None:
        raise ValueError(
            f"The last dimension of the features of the encoder '{encoder.name}' must be known. "
            "Implement its `compute_output_shape`, or end it with a layer of a fixed number of "
            f"channels. Received: features of shape {shape}"
        )
    if 0 in shape:
        raise ValueError(
            f"The encoder '{encoder.name}' leaves nothing of images of shape {image_shape}: give "
            "it larger ones (for views, `view_size`), or let it shrink them less. "
            f"Received: features of shape {shape}"
        )
    if not keras.backend.is_float_dtype(features.dtype):
        raise ValueError(
            f"The features of the encoder '{encoder.name}' must be floats, which have gradients. "
            f"Received: features of dtype {features.dtype}"
        )
    _check_batch(encoder, image_shape, shape)
    return shape


def _features(encoder, image_shape, batch=None, **kwargs):
    """Calls the encoder symbolically; a ValueError unless it gives one tensor."""
    try:
        features = encode_symbolically(encoder, image_shape, batch, **kwargs)
    except Exception as error:  # Whatever an encoder of somebody else raises.
        where = "" if batch is None else f", {batch} at a time in training"
        raise ValueError(
            f"The encoder '{encoder.name}' can't take images of shape {image_shape}{where}. "
            f"{_advice_on_inputs(encoder)}{_advice_on_shape(encoder, image_shape)}"
            f"{_advice_on_augmentation(encoder)}Received from it: {words_of(error)}"
        ) from error
    if not isinstance(features, keras.KerasTensor):
        where = ", in training as otherwise" if kwargs.get("training") else ""
        raise ValueError(
            f"The encoder '{encoder.name}' must return one tensor{where}. "
            f"{_advice_on_outputs(encoder, features)}. Received: {_describe(features)}"
        )
    return features


def _check_batch(encoder, image_shape, shape):
    """Each image has features of its own, and in training they are no others."""
    # On several devices, batch norm that trains would talk to the others.
    training = backend.engine() is None
    # Of a number of images that nobody made an encoder for.
    trained = tuple(_features(encoder, image_shape, batch=3, training=training).shape)
    if trained[:1] not in ((3,), (None,)):
        raise ValueError(
            f"The encoder '{encoder.name}' must return features of each image, however many there "
            "are. Leave the batch axis, the first, as it is (`keras.layers.Reshape` does). "
            f"Received: features of shape {trained} for 3 images"
        )
    if len(trained) != len(shape) or not _fits(shape[1:], trained[1:]):
        raise ValueError(
            f"The encoder '{encoder.name}' must return features of the same shape in training as "
            f"otherwise. Received: {trained[1:]} in training, {shape[1:]} otherwise"
        )


def _check_channels(encoder, image_shape):
    """Keras's own check is not enough: a functional model for 1 channel takes 3 without a word."""
    expected = known_image_shape(encoder)
    if expected is not None and not _fits(expected[2:], image_shape[2:]):
        raise ValueError(
            f"The encoder '{encoder.name}' can't take images of shape {image_shape}. "
            f"{_advice_on_shape(encoder, image_shape)}Received: an encoder of {expected}"
        )


def _advice_on_shape(encoder, image_shape):
    expected = known_image_shape(encoder)
    if expected is None:
        return ""
    height, width, channels = image_shape
    if not _fits(expected, image_shape) and _fits(expected, (channels, height, width)):
        return "Wrap it: `keras_simmim.encoders.ChannelsFirst(encoder)`. "
    if not _fits(expected, image_shape):
        return (
            f"Make it for images of this shape, where it has {expected} now, or change the "
            "images (for views, `view_size`). "
        )
    return ""


def _advice_on_augmentation(encoder):
    """Layers of keras-cv 0.9 that augment compute with TensorFlow, whatever the backend is."""
    for layer in encoder._flatten_layers():
        if type(layer).__module__.startswith("keras_cv.src.layers.preprocessing."):
            return (
                f"Its layer '{layer.name}' is an augmentation of keras-cv, which works in a "
                "tf.data pipeline under every backend, but not inside a model: map it over the "
                "dataset that `fit` gets. "
            )
    return ""


def _fits(expected, shape):
    return all(e is None or s is None or e == s for e, s in zip(expected, shape, strict=True))


def _advice_on_inputs(encoder):
    inputs = getattr(encoder, "inputs", None) or []
    if len(inputs) < 2:
        return ""
    return f"It takes {len(inputs)} inputs: make a model of the images alone. "


def _advice_on_outputs(encoder, features):
    if not getattr(encoder, "inputs", None):
        return "Let its `call` return one"
    choose = "Choose one and make a model that returns it: "
    if isinstance(features, dict) and features:
        return f"{choose}`keras_simmim.encoders.feature_map(encoder, {next(iter(features))!r})`"
    return f"{choose}`keras.Model(encoder.input, encoder.output[-1])`"


def _describe(features):
    return keras.tree.map_structure(
        lambda x: tuple(x.shape) if hasattr(x, "shape") else x, features
    )


def _check_layout(encoder):
    """A convolution that takes the width of a channels_last image for its height runs, but lies."""
    layers = _layers_outside_adapters(encoder)
    if any(_transposes(layer) for layer in layers):
        return
    for layer in layers:
        if getattr(layer, "data_format", None) == "channels_first":
            raise ValueError(
                "Images and maps are channels_last. Make the encoder with "
                "`data_format='channels_last'`, or wrap it: "
                "`keras_simmim.encoders.ChannelsFirst(encoder)`. (If it transposes in its own "
                "`call`, do so with a `keras.layers.Permute`, or return tokens.) Received: encoder "
                f"'{encoder.name}', whose layer '{layer.name}' is channels_first"
            )


def _layers_outside_adapters(layer):
    if isinstance(layer, ChannelsFirst):
        return []
    # The operations of a functional model are its layers and the `keras.ops` it was made with.
    children = getattr(layer, "operations", None)
    if children is None and isinstance(layer, keras.layers.Layer):
        children = layer._flatten_layers(include_self=False, recursive=False)
    return [
        layer,
        *(below for child in children or () for below in _layers_outside_adapters(child)),
    ]


def _transposes(layer):
    return isinstance(layer, keras.layers.Permute) or type(layer).__name__ == "Transpose"
