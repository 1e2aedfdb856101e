import functools
import inspect

import keras

from keras_simmim.backend.tensorflow.without_autotune import without_autotune


class TrainStepMixin:
    """Adds to `keras.Model` a hook that runs inside the train step, after the weights' update.

    Its `fit` is that of Keras, but does not stand still when an epoch ends.
    """

    @functools.wraps(keras.Model.fit)
    def fit(self, *args, **kwargs):
        call = inspect.signature(super().fit).bind(*args, **kwargs)
        call.apply_defaults()
        return super().fit(**without_autotune(call.arguments))

    def train_step(self, data):
        logs = super().train_step(data)
        self.after_train_step()
        return logs
