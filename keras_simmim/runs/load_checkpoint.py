from pathlib import Path

import keras

from keras_simmim.methods import Method
from keras_simmim.runs.build import build_method, build_optimizer
from keras_simmim.runs.checkpoint import Checkpoint
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData
from keras_simmim.runs.run_error import RunError


def load_checkpoint(run: Path, best: bool = False) -> Method:
    """Makes the method of a run with the weights of a checkpoint, also of a run that has not ended.

    Sets Keras's precision to that of the run.

    Args:
        run: the run folder.
        best: whether it is the checkpoint of the best kNN accuracy, not the last.

    Raises:
        RunError: for a folder that is no run's, or has no such checkpoint.
    """
    config = RunConfig.from_json(run / "config.json")
    keras.config.set_dtype_policy(config.precision)
    data = RunData.load(config)
    model = build_method(config, data.some_images())
    model.compile(optimizer=build_optimizer(config, config.total_steps, data.steps_per_pass))
    if Checkpoint(run / "checkpoint", config.steps_per_epoch).restore(model, best) is None:
        kind = "checkpoint with a kNN accuracy" if best else "checkpoint"
        raise RunError(f"{run} has no {kind} yet.")
    return model
