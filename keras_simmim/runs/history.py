import csv
from pathlib import Path

from keras_simmim.runs.run_error import RunError


def read_history(run: Path) -> dict[str, list[float]]:
    """What a run has logged: a value for each epoch by name, NaN where it was not measured.

    Empty for a run that has not ended an epoch.

    Raises:
        RunError: for a file that is damaged.
    """
    path = run / "history.csv"
    if not path.is_file():
        return {}
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in (rows[0] if rows else {}) if name not in (None, "epoch")]
        return {name: [_number(row[name]) for row in rows] for name in names}
    except (csv.Error, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _number(text):
    # Keras writes "NA" of what there is no value of.
    return float("nan") if text in (None, "", "NA") else float(text)
