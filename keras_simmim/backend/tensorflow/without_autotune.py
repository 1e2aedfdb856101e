import keras
import tensorflow as tf
from keras.src.trainers.data_adapters import get_data_adapter

# Of `fit`, what says which batches there are.
_DATA_ARGUMENTS = (
    "y",
    "sample_weight",
    "batch_size",
    "steps_per_epoch",
    "shuffle",
    "class_weight",
)


def without_autotune(arguments: dict) -> dict:
    """Gives `fit` arrays or a `PyDataset` as a `tf.data.Dataset` that does not tune itself.

    When an epoch ends, its iterator waits for the thread that tunes it, which by then sleeps for up
    to a minute and is not always woken: a race of TensorFlow 2.21.0 between `CancellationManager`,
    which calls back before it counts as cancelled, and `Model::OptimizeLoop`. Keras prepares
    batches at the same speed without.

    Args:
        arguments: those of `keras.Model.fit` by name, with defaults.

    Returns:
        The arguments, where `x` may be one of Keras's data adapters instead, which `fit` takes.
    """
    x = arguments["x"]
    keras_feeds_it = isinstance(x, keras.utils.PyDataset) or hasattr(x, "__array__")
    # A split for validation needs the arrays themselves.
    if not keras_feeds_it or arguments["validation_split"]:
        return arguments
    adapter = get_data_adapter(x, **{name: arguments[name] for name in _DATA_ARGUMENTS})
    make_dataset = adapter.get_tf_dataset

    def get_tf_dataset():
        options = tf.data.Options()
        options.autotune.enabled = False
        return make_dataset().with_options(options)

    adapter.get_tf_dataset = get_tf_dataset
    return arguments | {"x": adapter, "y": None, "sample_weight": None, "class_weight": None}
