from keras_simmim.backend.adapt_data import adapt_data
from keras_simmim.backend.jax.replicas import data_part, device_count
from keras_simmim.backend.shared_data import share_data


def prepare_data(arguments: dict) -> dict:
    """Cuts batches to a multiple of the devices, and for several processes into their parts.

    Args:
        arguments: those of `keras.Model.fit` or `evaluate` by name, with defaults.

    Returns:
        The arguments, where Keras's data adapters may be in place of the data.
    """
    devices = device_count()
    if devices == 1:
        return arguments

    part = data_part()
    return adapt_data(arguments, lambda x, adapter: share_data(x, adapter, devices, part))
