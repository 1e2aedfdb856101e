import keras

from keras_simmim.encoders.image_shape import build_if_shape_is_known
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.encoders.standardize import Standardize
from keras_simmim.encoders.symbolic import build_encoder, output_shape


@keras.saving.register_keras_serializable(package="keras_simmim")
class Normalized(keras.Model):
    """Lets an encoder that expects normalised images take raw ones, as this package's own do.

    Args:
        encoder: `keras.Model` or layer from normalised images to features.
        mean: what to subtract from pixel values, 0...255: a number, or one per channel.
        std: what to divide pixel values by: a number, or one per channel.

    Call arguments:
        images: `(B, H, W, C)`, uint8 or float, 0...255.
        training: passed on to the encoder.

    Returns:
        What the encoder returns for `(images - mean) / std`.

    Raises:
        ValueError: for an encoder that is not a Keras model or layer, or a mean or std that can't
            be used.

    Example:

    ```python
    # An encoder that was trained on values of -1...1.
    encoder = keras_simmim.encoders.Normalized(encoder, mean=127.5, std=127.5)
    # An encoder that expects the mean and standard deviation of ImageNet to be taken out.
    encoder = keras_simmim.encoders.Normalized(
        encoder, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    ```
    """

    def __init__(self, encoder, mean, std, **kwargs):
        # Pixel values are normalised as they are: 8 bits of a float do not fit into bfloat16.
        super().__init__(autocast=False, **kwargs)
        require_encoder(encoder)
        self.encoder = encoder
        self.standardize = Standardize(mean, std, dtype=self.dtype_policy, name="normalize_images")
        build_if_shape_is_known(self)

    @property
    def input_shape(self):
        """The shape of images the encoder was made for."""
        return self.encoder.input_shape

    def build(self, images_shape):
        if self.built:
            return
        self.standardize.build(images_shape)
        build_encoder(self.encoder, images_shape[1:])

    def call(self, images, training=False):
        return self.encoder(self.standardize(images), training=training)

    def compute_output_shape(self, images_shape):
        """Shape of `call(images)`."""
        return output_shape(self.encoder, images_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "mean": self.standardize.mean,
            "std": self.standardize.std,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))
