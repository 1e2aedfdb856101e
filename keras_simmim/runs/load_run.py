from pathlib import Path

import keras

from keras_simmim.methods import BYOL, Method
from keras_simmim.runs.build import build_method, build_optimizer
from keras_simmim.runs.checkpoint import Checkpoint
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData


def load_run(run: Path, config: RunConfig, data: RunData) -> Method | None:
    """The model of a run: what it has saved at its end, before that what its checkpoint holds.

    Returns:
        The method; None before the first checkpoint.
    """
    path = run / "model.keras"
    if path.is_file():
        return keras.saving.load_model(path)
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(config.precision)
        model = build_method(config, data.some_images())
        if isinstance(model, BYOL):
            model.momentum_steps = config.total_steps
        optimizer = build_optimizer(config, config.total_steps, data.steps_per_pass)
        model.compile(optimizer=optimizer)
        return model if Checkpoint(run / "checkpoint").restore(model) else None
    finally:
        keras.config.set_dtype_policy(policy)
