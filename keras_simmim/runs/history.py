import csv
from pathlib import Path


def read_history(run: Path) -> dict[str, list[float]]:
    """What a run has logged: a value for each epoch by name, NaN where it was not measured.

    Empty for a run that has not ended an epoch.
    """
    path = run / "history.csv"
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name not in (None, "epoch")]
    return {name: [_number(row[name]) for row in rows] for name in names}


def _number(text):
    # Keras writes "NA" of what there is no value of.
    return float("nan") if text in (None, "", "NA") else float(text)
