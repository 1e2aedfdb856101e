"""Training on several devices, by the engine of the backend."""

import contextlib
import numbers
from collections.abc import Iterator, Sequence

from keras_simmim import backend
from keras_simmim._numbers import check_integer


@contextlib.contextmanager
def data_parallel(devices: str | int | Sequence[str] = "auto") -> Iterator[None]:
    """Spreads the training of methods over devices; entered before a method is made or loaded.

    Each device gets a part of every batch, and what is trained equals what one device trains on the
    whole: the loss contrasts the images of all parts, gradients flow through to them, batch norm of
    this package takes the statistics of all parts, and views are drawn as for the whole batch. The
    engines are `tf.distribute.MirroredStrategy`, `keras.distribution.DataParallel` on JAX, and
    `DistributedDataParallel` on torch, where the script is started by `torchrun`, with a process
    for each device.

    `fit` and `evaluate` cut a batch to a multiple of the devices and leave out what is over, fewer
    images than devices; with several processes each reads its own part. `evaluation.embed` fills
    batches up instead, so that every image is embedded once. `batch_size` is that of all devices.

    On a machine without accelerators a number of devices are parts of the CPU, to try things out:
    TensorFlow and JAX make them if nothing has run on the CPU before.

    Args:
        devices: `"auto"`: all GPUs (on JAX, accelerators), else the CPU. A number: so many of
            them; under torch there must be as many processes. A list of their names, such as
            `"GPU:0"` on TensorFlow or `"gpu:0"` on JAX: these.

    Raises:
        ValueError: for devices that are not there, or processes that torchrun has not started.

    Example:

    ```python
    with keras_simmim.distribution.data_parallel():
        model = keras_simmim.SimMIM(encoder=keras_simmim.encoders.ResNet(depth=18))
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
        model.fit(images, batch_size=1024, epochs=10)
    ```
    """
    if isinstance(devices, numbers.Number):
        words = ", 'auto', or a list of names of devices"
        devices = check_integer("devices", devices, advice=words)
    with backend.start_replicas(devices):
        yield


def device_count() -> int:
    """Returns the number of devices that batches are split over here; 1 outside of all."""
    return backend.device_count()


def is_chief() -> bool:
    """Returns whether this process is the one of several that prints and writes files."""
    return backend.is_chief()
