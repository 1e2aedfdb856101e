import keras

from keras_simmim.encoders.image_shape import known_image_shape, standardize_image_shape
from keras_simmim.encoders.layer_outputs import layer_outputs
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.encoders.symbolic import build_encoder


def feature_map(encoder, name, image_shape=None):
    """The part of an encoder that makes one of its feature maps, an encoder itself.

    Args:
        encoder: functional or sequential `keras.Model`, a `ViT`, or either in `Normalized`; also
            one of several outputs.
        name: which map: the name of a layer (of a `ResNet` `encoder.stage_end(3)`, of a `ViT`
            `"block_4"`), the level of a backbone of keras-cv or keras-hub (`"P4"` is 2**4 times
            smaller than the images), or the key of an output where the encoder returns a
            dictionary.
        image_shape: `(height, width, channels)` of the images, where the encoder does not know it.

    Returns:
        Functional `keras.Model` from images to that map alone. It holds only the layers that the
        map needs, and shares them with the encoder.

    Raises:
        ValueError: for an encoder whose layers can't be reached, or a name that it does not have.

    Example:

    ```python
    backbone = keras_hub.models.ResNetBackbone(...)
    encoder = keras_simmim.encoders.feature_map(backbone, "P4")
    model = keras_simmim.SimMIM(encoder=keras_simmim.encoders.Normalized(encoder, 127.5, 64.0))
    ```
    """
    require_encoder(encoder)
    if image_shape is None:
        image_shape = known_image_shape(encoder)
        if image_shape is None:
            raise ValueError(
                f"The encoder '{encoder.name}' does not say which images it takes: give "
                "`image_shape`, (height, width, channels). Received: image_shape=None"
            )
    image_shape = standardize_image_shape(image_shape)
    build_encoder(encoder, image_shape)
    images = keras.Input(image_shape, dtype="float32", name="images")
    features = layer_outputs(encoder, images).pick([name], "name")
    return keras.Model(images, features[name], name=f"{encoder.name}_{name}")
