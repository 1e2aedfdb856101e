from keras_simmim.backend.adapt_data import adapt_data
from keras_simmim.backend.jax.replicas import data_part, device_count
from keras_simmim.backend.shared_data import share_data


def prepare_data(arguments: dict, least_images: int = 1) -> dict:
    """Cuts batches to a multiple of the devices, and for several processes into their parts.

    Args:
        arguments: those of `keras.Model.fit` or `evaluate` by name, with defaults.
        least_images: images that a batch needs; one with fewer is left out.

    Returns:
        The arguments, where Keras's data adapters may be in place of the data.
    """
    devices, part = device_count(), data_part()

    def share(x, adapter):
        return share_data(x, adapter, devices, part, least_images)

    return adapt_data(arguments, share)
