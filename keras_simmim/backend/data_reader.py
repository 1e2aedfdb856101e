"""TensorFlow as a reader of record files, beside whichever backend trains."""

import contextlib

import keras

from keras_simmim._quiet_tensorflow import quiet_stderr


def import_tensorflow_as_reader():
    """Imports TensorFlow so that it leaves the GPUs to the backend that trains.

    Where TensorFlow is itself the backend, it is left as it is.

    Returns:
        The `tensorflow` module.

    Raises:
        ImportError: where TensorFlow is not installed.
    """
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        # Already in use for something else: then its devices are the user's choice.
        # It looks for GPUs even so; JAX, imported first, sets a level at which that is told.
        with contextlib.suppress(RuntimeError), quiet_stderr("failed call to cuInit"):
            tf.config.set_visible_devices([], "GPU")
    return tf


def read_images(dataset):
    """Reads examples with encoded images into memory.

    JPEG is decoded with the accurate DCT, which gives the same pixels as Pillow; the default of
    TensorFlow differs from it by up to 5 gray levels.

    Args:
        dataset: finite `tf.data.Dataset` of dictionaries with `"image"`, an encoded RGB image
            (JPEG or PNG), all of one size, and `"label"`.

    Returns:
        `(images, labels)`: NumPy uint8 `(N, H, W, 3)` and int64 `(N,)`.
    """
    tf = import_tensorflow_as_reader()

    def decode(example):
        # This op reads PNG as well.
        image = tf.io.decode_jpeg(example["image"], channels=3, dct_method="INTEGER_ACCURATE")
        return image, tf.cast(example["label"], tf.int64)

    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    images, labels = dataset.batch(int(dataset.cardinality())).get_single_element()
    return images.numpy(), labels.numpy()
