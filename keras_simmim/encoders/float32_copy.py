import keras

from keras_simmim.encoders.symbolic import encode_symbolically

_LOW = ("bfloat16", "float16", "mixed_bfloat16", "mixed_float16")


def float32_copy(model: keras.layers.Layer, image_shape) -> keras.layers.Layer:
    """Copies an encoder or classifier, whatever it was trained in, to compute in float32.

    Args:
        model: `keras.Model` or layer of images, made from its config and so copied.
        image_shape: `(height, width, channels)`.

    Returns:
        One of the same class, built and with the same weights.
    """
    encode_symbolically(model, image_shape)  # which builds it
    config = _in_float32(keras.saving.serialize_keras_object(model))
    copy = keras.saving.deserialize_keras_object(config)
    encode_symbolically(copy, image_shape)
    copy.set_weights(model.get_weights())
    return copy


def _in_float32(config):
    """A config, in which policies and dtypes of 16 bits are float32, and nothing is compiled."""
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(item) for item in config)
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy" and config["config"]["name"] in _LOW:
        return {**config, "config": {"name": "float32"}}
    return {
        key: "float32" if key == "dtype" and value in _LOW else _in_float32(value)
        for key, value in config.items()
        if key != "compile_config"
    }
