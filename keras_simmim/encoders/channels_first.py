import keras
from keras import ops

from keras_simmim.encoders.image_shape import build_if_shape_is_known
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.encoders.symbolic import build_encoder, output_shape


@keras.saving.register_keras_serializable(package="keras_simmim")
class ChannelsFirst(keras.Model):
    """Lets an encoder whose images are `(B, C, H, W)` take `(B, H, W, C)`.

    Its map is transposed back. TensorFlow has no channels_first convolutions on the CPU.

    Args:
        encoder: `keras.Model` or layer from images `(B, C, H, W)` to a map `(B, F, h, w)`, tokens
            `(B, T, F)` or a vector `(B, F)`.

    Call arguments:
        images: `(B, H, W, C)`, in the values the encoder expects (see `Normalized`).
        training: passed on to the encoder.

    Returns:
        Map `(B, h, w, F)`, tokens `(B, T, F)` or vector `(B, F)`.

    Raises:
        ValueError: for an encoder that is not a Keras model or layer.

    Example:

    ```python
    encoder = Normalized(ChannelsFirst(encoder), mean=127.5, std=127.5)
    ```
    """

    def __init__(self, encoder, **kwargs):
        # The encoder casts its images itself, or keeps them as they are.
        super().__init__(autocast=False, **kwargs)
        require_encoder(encoder)
        self.encoder = encoder
        build_if_shape_is_known(self)

    @property
    def input_shape(self):
        """The shape of images the encoder was made for, transposed."""
        shape = self.encoder.input_shape
        if not isinstance(shape, tuple) or len(shape) != 4:
            raise AttributeError(f"The encoder does not take images, but inputs of shape {shape}.")
        batch, channels, height, width = shape
        return (batch, height, width, channels)

    def build(self, images_shape):
        if self.built:
            return
        _, height, width, channels = images_shape
        build_encoder(self.encoder, (channels, height, width))

    def call(self, images, training=False):
        features = self.encoder(ops.transpose(images, (0, 3, 1, 2)), training=training)
        if len(features.shape) == 4:
            features = ops.transpose(features, (0, 2, 3, 1))
        return features

    def compute_output_shape(self, images_shape):
        """Shape of `call(images)`."""
        batch, height, width, channels = images_shape
        shape = output_shape(self.encoder, (batch, channels, height, width))
        if len(shape) == 4:
            shape = (batch, shape[2], shape[3], shape[1])
        return shape

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))
