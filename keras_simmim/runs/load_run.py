from pathlib import Path

from keras_simmim.load_model import load_model
from keras_simmim.methods import Method
from keras_simmim.runs.find_checkpoint import find_checkpoint
from keras_simmim.runs.run_error import RunError


def load_run(run: Path, checkpoint: str | None = None) -> Method:
    """Loads the model of a run: what it has ended with, or before that its last checkpoint.

    Args:
        run: the run folder.
        checkpoint: `"last"` or `"best"` (by kNN accuracy) for that one, also of a run that has
            ended.

    Raises:
        RunError: for a folder without one, or a file that can't be loaded.
    """
    path = run / "model.keras"
    if checkpoint is not None or not path.is_file():
        found = find_checkpoint(run / "checkpoint", best=checkpoint == "best")
        if found is None:
            kind = "checkpoint with a kNN accuracy" if checkpoint == "best" else "checkpoint"
            raise RunError(f"{run} has no {kind} yet.")
        path = found / "model.keras"
    try:
        return load_model(path)
    except ValueError as error:
        raise RunError(str(error)) from error
