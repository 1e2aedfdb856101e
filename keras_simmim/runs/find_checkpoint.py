import json
import re
from pathlib import Path

from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.training_state import TrainingState

_NAME = re.compile(r"step-(\d+)")


def find_checkpoint(folder: Path, best: bool = False) -> Path | None:
    """The last checkpoint in a folder, or that of the best kNN accuracy; None: there is none."""
    paths = checkpoints(folder)
    if best:
        accuracies = {path: read_state(path).accuracy for path in paths}
        known = {path: value for path, value in accuracies.items() if value is not None}
        return max(known, key=known.__getitem__) if known else None
    return paths[-1] if paths else None


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, by their steps."""
    return sorted(path for path in folder.glob("step-*") if _NAME.fullmatch(path.name))


def read_state(checkpoint: Path) -> TrainingState:
    """Where training was, besides the weights; a RunError where that is damaged."""
    try:
        return TrainingState(**json.loads((checkpoint / "state.json").read_text()))
    except (OSError, TypeError, ValueError) as error:
        raise RunError(f"{checkpoint} is damaged: {error}") from error
