import math
import time
from pathlib import Path

from keras_simmim.reports.libraries import import_extra
from keras_simmim.runs.history import read_history
from keras_simmim.runs.read_results import read_results
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_error import RunError

_HEADERS = ("run", "method", "encoder", "data", "state", "kNN", "minutes", "begun")


def list_runs(folder: Path) -> list[dict[str, str]]:
    """Prints and returns the runs below a folder, the latest last.

    Args:
        folder: where runs are sought, at any depth; may be a run itself.

    Returns:
        A dictionary for each run, as printed.

    Raises:
        RunError: where there are none, or the extra `report` is missing.
    """
    try:
        (tabulate,) = import_extra("tabulate")
    except ImportError as error:
        raise RunError(str(error)) from error
    found = [path for path in folder.rglob("config.json") if path.is_file()]
    found.sort(key=lambda path: path.stat().st_mtime)
    rows = [row for path in found if (row := _row(path.parent, folder))]
    if not rows:
        raise RunError(f"There are no runs in {folder}: `keras-simmim pretrain` makes them.")
    print(tabulate.tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True))
    return rows


def _row(run, folder):
    try:
        config = RunConfig.from_json(run / "config.json")
    except (RunError, OSError):  # another program's, or another user's
        return None
    try:
        history, ended = read_history(run), read_results(run)
        state = _state(config, history, ended)
    except (RunError, OSError):
        history, ended, state = {}, {}, "damaged"
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime((run / "config.json").stat().st_mtime))
    name = run.relative_to(folder).as_posix() if run != folder else run.resolve().name
    values = (
        name,
        config.method,
        config.encoder,
        Path(config.data).name,
        state,
        _accuracy(history, ended),
        _minutes(history, ended),
        begun,
    )
    return dict(zip(_HEADERS, values, strict=True))


def _state(config, history, ended):
    if ended:
        return "ended"
    if not config.steps_per_epoch:
        return "not planned"
    done, planned = len(history.get("loss", [])), config.total_steps // config.steps_per_epoch
    return f"at epoch {done} of {planned}"


def _accuracy(history, ended):
    looks = [x for x in history.get("knn_accuracy", []) if math.isfinite(x)]
    accuracy = ended.get("knn_accuracy", looks[-1] if looks else None)
    return "-" if accuracy is None else f"{accuracy:.1%}"


def _minutes(history, ended):
    minutes = ended.get("training_minutes", history.get("minutes", [math.nan])[-1])
    return "-" if math.isnan(minutes) else f"{minutes:.1f}"
