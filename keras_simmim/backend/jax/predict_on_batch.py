import jax
import keras

from keras_simmim.backend.jax.replicas import data_part


def predict_on_batch(model, batch):
    """What `model.predict_on_batch` gives, computed on all devices.

    Args:
        model: `keras.Model`.
        batch: NumPy array, its length a multiple of the devices.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return model.predict_on_batch(batch)
    part, parts = data_part()
    size = len(batch) // parts
    layout = distribution.get_data_layout(batch.shape).backend_layout
    own = batch[part * size : (part + 1) * size]
    return model.predict_on_batch(jax.make_array_from_process_local_data(layout, own))
