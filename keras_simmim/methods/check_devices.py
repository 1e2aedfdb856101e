import warnings

import keras

from keras_simmim import backend
from keras_simmim.encoders import BatchNorm


def check_devices(method: keras.Model, made_for) -> None:
    """Checks that a method trains on the devices it was made for.

    Warns where its batch norm differs from that on one device.

    Args:
        method: the `Method`.
        made_for: what `backend.engine()` was when it was made.

    Raises:
        ValueError: for other devices.
    """
    if backend.batch_is_split():
        _warn_of_local_statistics(method)
    if made_for is backend.engine():
        return
    made, used = (
        "on one device" if engine is None else "for several devices"
        for engine in (made_for, backend.engine())
    )
    if made == used:
        used = "for others"
    raise ValueError(
        "A method trains on the devices it was made for: make or load it within the same "
        "`keras_simmim.distribution.data_parallel()` in which you call `fit`. "
        f"Received: {type(method).__name__} '{method.name}', made {made}, used {used}"
    )


def _warn_of_local_statistics(method):
    """Batch norm that is not ours sees the part of a batch that is on its device."""
    for layer in method._flatten_layers():
        foreign = isinstance(layer, keras.layers.BatchNormalization)
        if foreign and not isinstance(layer, BatchNorm) and not layer.synchronized:
            warnings.warn(
                f"The batch norm of layer '{layer.name}' takes its statistics from each "
                "device's part of a batch, so that training differs from that on one device. "
                "`keras_simmim.encoders.BatchNorm` takes them from the whole batch.",
                stacklevel=5,  # where `fit` is called
            )
