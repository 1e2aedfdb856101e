from pathlib import Path

import numpy as np

from keras_simmim import backend
from keras_simmim.runs.checkpoint import Checkpoint
from keras_simmim.runs.first_bad_layer import first_bad_layer
from keras_simmim.runs.not_finite import NotFinite
from keras_simmim.runs.run_data import RunData
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.written_whole import written_whole


def explain_bad_steps(
    error: NotFinite, model, data: RunData, checkpoint: Checkpoint, path: Path
) -> RunError:
    """Says where a training got values that are not finite, and keeps the images.

    Repeats the training from the last checkpoint to the step before the first bad one.

    Args:
        error: which steps were bad.
        model: the method; its weights become those before the first bad step.
        data: what it was trained on.
        checkpoint: what kept the state of training.
        path: `.npz` file for the images (`images`) and the number of the step (`step`, from 1 on).
    """
    (images,) = data.batches(first_step=error.step).whole()[0][:1]
    if backend.is_chief():
        with written_whole(path) as partial, partial.open("wb") as file:
            np.savez(file, images=images, step=error.step + 1)
    state = checkpoint.restore(model) if backend.process_count() == 1 else None
    if state is None:
        where = "was not looked for, as several processes trained"
    else:
        if state.step < error.step:
            batches = data.batches(error.step - state.step, first_step=state.step)
            model.fit(batches, shuffle=False, verbose=0)
        where = first_bad_layer(model, images) or "nothing, when training up to it was repeated"
    return RunError(
        f"Training has stopped: the loss of {error.count} steps in a row was not finite, from step "
        f"{error.step + 1:,} on. First not finite: {where}. The images of that step are in {path}. "
        "The last checkpoint is from before. A lower --learning-rate or --precision float32 may "
        "help, in a new run."
    )
