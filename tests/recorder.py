import keras
import numpy as np
from keras import ops


class Recorder(keras.Model):
    """Keeps the first pixel of every image of its train steps, `(steps, batch)`."""

    def __init__(self, steps, batch_size):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.steps = steps
        self.seen = self.add_weight(
            shape=(steps, batch_size), initializer="zeros", trainable=False, name="seen"
        )
        self.step = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False, name="step"
        )

    def call(self, images):
        return self.dense(_first_pixels(images))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if training:
            first = _first_pixels(x)[:, 0]
            here = ops.expand_dims(ops.equal(ops.arange(self.steps), self.step.value), 1)
            self.seen.assign(ops.where(here, first, self.seen.value))
            self.step.assign(self.step + 1)
        return ops.mean(ops.square(y_pred))


def _first_pixels(images):
    while len(images.shape) > 2:
        images = images[:, 0]
    return ops.cast(images[:, :1], "float32")


def record(dataset, epochs, steps, built=True, **kwargs):
    """Fits a `Recorder` and returns what it saw, int `(steps, batch)`."""
    model = Recorder(steps, dataset.batch_size)
    if built:
        model(dataset[0][0])
    model.compile(optimizer=keras.optimizers.SGD(1e-6))
    model.fit(dataset, epochs=epochs, verbose=0, shuffle=False, **kwargs)
    assert int(ops.convert_to_numpy(model.step)) == steps
    return ops.convert_to_numpy(model.seen).astype(int)


def number_images(count, *shape):
    """uint8 images `(count, *shape)`, each filled with its number."""
    numbers = np.arange(count, dtype="uint8").reshape(count, *[1] * len(shape))
    return np.broadcast_to(numbers, (count, *shape)).copy()
