"""Checks of what `fit`, `evaluate` and `predict` are given, before anything is compiled for it."""

from typing import Any

import keras
import numpy as np

from keras_simmim import backend
from keras_simmim.backend.look_at_data import DataLook, look_at_data
from keras_simmim.views.check_images import check_images

_KERAS_BATCH_SIZE = 32
_WEIGHTS = ("sample_weight", "class_weight")


def check_data(method: keras.Model, arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of `fit`, `evaluate` or `predict`, with data that is whole again.

    Args:
        method: `Method` that is to be trained, evaluated or used.
        arguments: those of the Keras function by name, with defaults.

    Returns:
        The arguments; a generator that was looked at is replaced by one that begins anew.

    Raises:
        ValueError: as `Method` says.
    """
    arguments = dict(arguments)
    _check_weights(method, **{name: arguments.get(name) for name in _WEIGHTS})
    data = look_at_data(arguments["x"])
    arguments["x"] = data.data
    if "y" not in arguments:  # `predict` compares nothing and learns no labels
        _check_pixels(method, data)
        if hasattr(data.data, "check_in_order"):
            data.data.check_in_order()
        return arguments
    _check_look(method, data, arguments["y"])
    if arguments.get("shuffle", ...) is None:
        # Asked to, Keras warns that it can't.
        arguments["shuffle"] = data.can_be_shuffled
    _check_batches(method, data, arguments)
    if arguments.get("validation_data") is not None:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(arguments["validation_data"])
        _check_weights(method, sample_weight=sample_weight)
        validation = look_at_data(x)
        _check_look(method, validation, y)
        length = arguments["validation_batch_size"] or arguments["batch_size"]
        batch_size, _ = _batch_size_and_rest(validation, length, arguments["validation_steps"])
        _check_compared(method, batch_size, "validation")
        arguments["validation_data"] = keras.utils.pack_x_y_sample_weight(validation.data, y)
    return arguments


def _check_weights(method, **weights):
    for name, value in weights.items():
        if value is not None:
            raise ValueError(no_weights(method, f"`{name}`"))


def no_weights(method: keras.Model, received: str) -> str:
    """The message about weights of images, which the loss of a method has no place for."""
    return (
        f"{type(method).__name__} compares the images of a batch with each other, so its loss has "
        "no per-image weights. Leave images out of the data or repeat them instead. "
        f"Received: {received}"
    )


def check_batch(method: keras.Model, images: Any) -> None:
    """Raises what is wrong with a batch that is given to `train_on_batch` or `test_on_batch`.

    Args:
        method: the `Method`.
        images: what it is given; what is no array or tensor passes.
    """
    if keras.ops.is_tensor(images):
        images = keras.ops.convert_to_numpy(images)
    if not isinstance(images, np.ndarray):
        return
    check_images(images, method.channels)
    _check_compared(method, len(images), None)


def _check_pixels(method: keras.Model, data: DataLook):
    if data.images is not None:
        check_images(data.images, method.channels)


def _check_look(method: keras.Model, data: DataLook, labels):
    _check_pixels(method, data)
    if method.online_probe is not None:
        method.online_probe.check_labels(labels if data.labels is None else data.labels)


def _check_batches(method, data, arguments):
    """Checks that each batch has images to compare, and some for each device."""
    trains = "epochs" in arguments
    validates = arguments.get("validation_data") is not None
    split = 0.0 if validates else arguments.get("validation_split") or 0.0
    steps = arguments.get("steps_per_epoch") or arguments.get("steps")
    batch_size, rest = _batch_size_and_rest(data, arguments["batch_size"], steps, split)
    devices = backend.device_count()
    if batch_size is not None and 0 < batch_size < devices:
        raise ValueError(
            "Each device gets a part of every batch: give batches of at least as many images as "
            f"there are devices. Received: batch_size={batch_size}, {devices} devices"
        )
    _check_compared(method, batch_size, "fit" if trains else "evaluate")
    if trains and 0 < rest < method.least_images:
        count = len(data.images)
        raise ValueError(
            f"{type(method).__name__} compares the images of a batch with each other, and the "
            "last batch of each epoch has one image: leave an image out, or choose another "
            f"`batch_size`. Received: {count - _held_out(count, split)} images, "
            f"batch_size={batch_size}"
        )
    if split and data.batch_size is None and data.images is not None:
        held_out = _held_out(len(data.images), split)
        _check_compared(method, held_out, f"validation_split={split}")


def _check_compared(method, count, where):
    """Raises a ValueError for batches of fewer images than the method compares."""
    if count is None or count >= method.least_images:
        return
    place = "" if where is None else f" in `{where}`"
    raise ValueError(
        f"{type(method).__name__} compares the images of a batch with each other: give batches of "
        f"at least {method.least_images}. "
        f"Received: batches of {count} image{'s'[: count != 1]}{place}"
    )


def _batch_size_and_rest(data, batch_size, steps=None, split=0.0):
    """Images of a batch and of the last one, where it is not full; None where it is unknown."""
    if data.batch_size is not None:
        return data.batch_size, 0
    if data.images is None:
        return None, 0
    count = len(data.images) - _held_out(len(data.images), split)
    # As Keras does.
    batch_size = batch_size or (-(-count // steps) if steps else _KERAS_BATCH_SIZE)
    batch_size = min(count, batch_size)
    return batch_size, count % batch_size if batch_size else 0


def _held_out(count, split):
    """Images that Keras validates on, of those that it is given with `validation_split`."""
    return count - int(count * (1.0 - split))
