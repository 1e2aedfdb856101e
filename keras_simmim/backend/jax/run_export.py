from keras_simmim.backend.data_reader import import_tensorflow_as_reader
from keras_simmim.backend.quiet_logger import quiet_logger


def run_export(path, images):
    """What a SavedModel makes of images: see `backend/tensorflow/run_export.py`."""
    tf = import_tensorflow_as_reader()
    with quiet_logger("absl"):  # warns that what JAX writes has no gradients
        loaded = tf.saved_model.load(str(path))  # its function needs it to stay
    return loaded.serve(tf.constant(images)).numpy()
