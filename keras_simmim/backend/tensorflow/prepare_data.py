import keras
import tensorflow as tf

from keras_simmim.backend.adapt_data import adapt_data
from keras_simmim.backend.shared_data import share_data
from keras_simmim.backend.tensorflow.replicas import data_part, device_count


def prepare_data(arguments: dict, least_images: int = 1) -> dict:
    """Gives `fit` and `evaluate` arrays or a `PyDataset` as datasets that do not tune themselves.

    When an epoch ends, its iterator waits for the thread that tunes it, which by then sleeps for up
    to a minute and is not always woken: a race of TensorFlow 2.21.0 between `CancellationManager`,
    which calls back before it counts as cancelled, and `Model::OptimizeLoop`. Keras prepares
    batches at the same speed without.

    With several devices, batches of any data are cut to a multiple of them.

    Args:
        arguments: those of `keras.Model.fit` or `evaluate` by name, with defaults.
        least_images: images that a batch needs; one with fewer is left out.

    Returns:
        The arguments, where Keras's data adapters may be in place of the data.
    """

    def adapt(x, adapter):
        if isinstance(x, keras.utils.PyDataset) or hasattr(x, "__array__"):
            _do_not_tune(adapter)
        return share_data(x, adapter, device_count(), data_part(), least_images)

    return adapt_data(arguments, adapt)


def _do_not_tune(adapter):
    make_dataset = adapter.get_tf_dataset

    def get_tf_dataset():
        options = tf.data.Options()
        options.autotune.enabled = False
        return make_dataset().with_options(options)

    adapter.get_tf_dataset = get_tf_dataset
