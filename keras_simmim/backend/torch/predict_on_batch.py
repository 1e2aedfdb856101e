import keras

from keras_simmim.backend.torch.replicas import gather, own_share, replica_count


def predict_on_batch(model, batch):
    """What `model.predict_on_batch` gives, computed on all devices.

    Args:
        model: `keras.Model`.
        batch: NumPy array, its length a multiple of the devices.
    """
    if replica_count() == 1:
        return model.predict_on_batch(batch)
    own = model.predict_on_batch(own_share(batch))
    return keras.ops.convert_to_numpy(gather(keras.ops.convert_to_tensor(own)))
