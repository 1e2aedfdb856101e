import time

from keras_simmim import backend
from keras_simmim.runs.build import build_optimizer
from keras_simmim.runs.defaults import EPOCHS
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.time_steps import StepTimes, time_steps


def plan(
    config: RunConfig, model, data: RunData, started: float, look: StepTimes | None = None
) -> None:
    """Fixes the number of steps in the configuration: from its epochs, its steps or its minutes.

    Args:
        config: gets `total_steps`, `steps_per_epoch` and, without minutes, `epochs`, with them
            `steps`.
        model: the method; its weights stay as they are, and it must be compiled afterwards.
        data: what it will be trained on.
        started: `time.monotonic()` when the minutes began.
        look: what the first and each later kNN evaluation during training takes; None: there are
            none.

    Raises:
        RunError: where the minutes do not reach for a single step, or for an update.
    """
    _plan(config, model, data, started, look)
    try:
        config.check()  # updates need as many steps as are accumulated
    except ValueError as error:
        raise RunError(str(error)) from error


def _plan(config, model, data, started, look):
    if config.steps is not None:
        _set_steps(config, config.steps, data.steps_per_pass)
        return
    if config.minutes is None:
        config.epochs = config.epochs or EPOCHS
        config.steps_per_epoch = data.steps_per_pass
        config.total_steps = config.epochs * data.steps_per_pass
        return
    model.compile(optimizer=build_optimizer(config, 1000, data.steps_per_pass))
    # A sixtieth of the budget for knowing what the rest is worth.
    first, later = time_steps(model, data.batches(), seconds=config.minutes)
    # The optimizer that is made next compiles once more.
    left = started + 60 * config.minutes - time.monotonic() - first
    step = later
    if config.knn_every and look is not None:
        # A look every so many epochs, one after the first and one at the end.
        step += look.later / (config.knn_every * data.steps_per_pass)
        left -= look.first + look.later
    # Each process has a clock of its own.
    total = int(backend.same_on_all(left / step))
    if total < 1:
        raise RunError(
            f"{config.minutes:g} minutes are spent before training begins: a step takes "
            f"{later:.2f} s. Give more --minutes, or a smaller --batch-size or --width."
        )
    config.steps = total
    _set_steps(config, total, data.steps_per_pass)
    print(
        f"A step takes {later:.3f} s: {config.total_steps} steps fit into what is left of "
        f"{config.minutes:g} minutes",
        flush=True,
    )


def _set_steps(config, total, steps_per_pass):
    """Epochs as near to a pass over the data as divides the steps, of which a few may be left."""
    epochs = max(1, round(total / steps_per_pass))
    config.steps_per_epoch = total // epochs
    config.total_steps = config.steps_per_epoch * epochs
