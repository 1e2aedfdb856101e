from collections.abc import Callable

from keras.src.trainers.data_adapters import get_data_adapter
from keras.src.trainers.data_adapters.array_slicing import train_validation_split
from keras.src.trainers.data_adapters.data_adapter import DataAdapter
from keras.src.trainers.data_adapters.data_adapter_utils import unpack_x_y_sample_weight


def adapt_data(arguments: dict, adapter_of: Callable[[object, DataAdapter], DataAdapter]) -> dict:
    """Puts data adapters of ours in the place of the data that `fit` or `evaluate` is given.

    Keras takes an adapter where it takes data, and leaves it as it is.

    Args:
        arguments: those of `keras.Model.fit` or `keras.Model.evaluate` by name, with defaults.
        adapter_of: from data and Keras's adapter of it to the adapter to use.

    Returns:
        The arguments, with adapters for `x` and `validation_data`.
    """
    arguments = dict(arguments)
    if arguments.get("validation_split") and arguments["validation_data"] is None:
        data = tuple(arguments[name] for name in ("x", "y", "sample_weight"))
        data, arguments["validation_data"] = train_validation_split(
            data, validation_split=arguments["validation_split"]
        )
        arguments |= dict(zip(("x", "y", "sample_weight"), data, strict=True))

    def adapt(x, **others):
        if isinstance(x, DataAdapter):
            return x
        return adapter_of(x, get_data_adapter(x, **others))

    names = ("y", "sample_weight", "batch_size", "shuffle", "class_weight")
    steps = arguments.get("steps_per_epoch", arguments.get("steps"))
    given = {name: arguments[name] for name in names if name in arguments}
    replaced = {"x": adapt(arguments["x"], steps_per_epoch=steps, **given)}
    if arguments.get("validation_data") is not None:
        x, y, sample_weight = unpack_x_y_sample_weight(arguments["validation_data"])
        replaced["validation_data"] = adapt(
            x,
            y=y,
            sample_weight=sample_weight,
            batch_size=arguments["validation_batch_size"] or arguments["batch_size"],
            steps_per_epoch=arguments["validation_steps"],
        )
    if "validation_split" in arguments:
        replaced["validation_split"] = 0.0
    emptied = [name for name in ("y", "sample_weight", "class_weight") if name in arguments]
    return arguments | dict.fromkeys(emptied) | replaced
