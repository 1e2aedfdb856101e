import keras
from keras import ops

from keras_simmim._numbers import check_integer
from keras_simmim.encoders import check_encoder, pool


@keras.saving.register_keras_serializable(package="keras_simmim")
class Classifier(keras.Model):
    """An encoder with a linear layer on its pooled features.

    Args:
        encoder: `keras.Model` or layer from images to a map `(B, h, w, F)`, tokens `(B, T, F)` or
            a vector `(B, F)`.
        num_classes: number of classes.
        augmentation: `ViewSplitter` of one view, which images go through in training; None: they
            are taken as they are.

    Call arguments:
        images: `(B, H, W, C)`, uint8 or float, 0...255.
        training: whether images are augmented, and the encoder trains.

    Returns:
        Logits `(B, num_classes)` float32.

    Raises:
        ValueError: for a number of classes that is not a positive integer, an augmentation of more
            views than one, or an encoder that can't be used with these images.

    Reference:
        The linear layer starts from zeros, as in Dosovitskiy et al. 2021, "An Image is Worth 16x16
        Words" (arXiv 2010.11929), section 3.2.
    """

    def __init__(self, encoder, num_classes, augmentation=None, **kwargs):
        # Views are made from the pixels as they are: 8 bits do not fit into bfloat16.
        super().__init__(autocast=False, **kwargs)
        num_classes = check_integer("num_classes", num_classes)
        if augmentation is not None and augmentation.num_views != 1:
            raise ValueError(
                "`augmentation` must be a ViewSplitter of one view, `num_views=1`. "
                f"Received: num_views={augmentation.num_views}"
            )
        self.encoder = encoder
        self.num_classes = num_classes
        self.augmentation = augmentation
        self.classifier = keras.layers.Dense(
            num_classes, kernel_initializer="zeros", dtype="float32", name="classifier"
        )

    def build(self, images_shape):
        if self.built:
            return
        features_shape = check_encoder(self.encoder, images_shape[1:])
        self.classifier.build((None, features_shape[-1]))

    def call(self, images, training=False):
        if training and self.augmentation is not None:
            images = self.augmentation(images)[:, 0]  # (B, h, w, C)
        images = ops.cast(images, "float32")  # Keras casts no integers
        return self.classifier(pool(self.encoder(images, training=training)))

    def compute_output_shape(self, images_shape):
        """Shape `(B, num_classes)` of `call(images)`."""
        return (images_shape[0], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "num_classes": self.num_classes,
            "augmentation": keras.saving.serialize_keras_object(self.augmentation),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))
