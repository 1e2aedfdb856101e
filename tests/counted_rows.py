"""An encoder that counts the images that pass through it, on every backend."""

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="tests")
class CountRows(keras.layers.Layer):
    """Passes images on as they are, and adds their number to a weight."""

    def build(self, input_shape):
        self.rows = self.add_weight(
            name="rows", shape=(), initializer="zeros", dtype="float32", trainable=False
        )

    def call(self, images):
        self.rows.assign(self.rows + keras.ops.cast(keras.ops.shape(images)[0], "float32"))
        return images

    def compute_output_shape(self, input_shape):
        return input_shape


def counting_encoder(size=16, channels=3):
    """Returns an encoder of images `(size, size, channels)` whose first layer counts them."""
    images = keras.Input((size, size, channels))
    features = keras.layers.Conv2D(8, 3, strides=4, padding="same")(CountRows(name="count")(images))
    return keras.Model(images, features)


def rows_of(function, *models):
    """Returns how many images pass the encoders of models while a function runs."""
    counters = [model.get_layer("count").rows for model in models]
    before = [float(keras.ops.convert_to_numpy(rows)) for rows in counters]
    function()
    after = [float(keras.ops.convert_to_numpy(rows)) for rows in counters]
    return int(np.subtract(after, before).sum())
