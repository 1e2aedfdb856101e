import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np

from keras_simmim.runs.check_folder import check_folder
from keras_simmim.runs.defaults import ALIKE
from keras_simmim.runs.evaluate import evaluate
from keras_simmim.runs.history import read_history
from keras_simmim.runs.read_results import read_results
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.written_whole import written_whole

# What a method does not share: mim needs tokens, and views without changes of colour.
_OWN = {"mim": ("encoder", "width", "stem", *ALIKE)}
_COLUMNS = {
    "knn": "kNN",
    "linear_probe": "linear probe",
    "minutes": "minutes",
    "images_seen": "images seen",
    "images_per_second": "images/s",
    "peak_memory_mb": "peak MB",
    "parameters": "parameters",
}
_MEASURED = ("training_minutes", "images_seen", "peak_memory_mb", "parameters")


def compare(methods: list[str], seeds: int, output: Path, options: dict) -> list[dict]:
    """Pre-trains methods alike, one run after another, judges them alike and prints a table.

    A run that has ended is not repeated, one that has begun goes on, so that the same call
    continues what was stopped.

    Args:
        methods: names of methods, as `RunConfig.method`.
        seeds: runs of each method, with seeds from 0 on.
        output: folder of the run folders; gets `table.csv` and `accuracy.png`.
        options: fields of `RunConfig` that all runs share.

    Returns:
        A row for each method, as they are in the table.

    Raises:
        RunError: for a method that does not exist, options out of their ranges, a folder without
            one to test on, a missing extra, an output that can't be written, a run that is there
            and has other options, or a run that failed.
    """
    _check(methods, options)
    tabulate, figure = _libraries()
    check_folder(output)
    output.mkdir(parents=True, exist_ok=True)
    shared = {"knn_every": 1, **ALIKE, **options}
    runs = {method: [output / f"{method}-{seed}" for seed in range(seeds)] for method in methods}
    for method in methods:
        for run in runs[method]:
            _check_same(run, _own(method, shared))
    # Seed by seed, so that a comparison that is stopped has something of each method.
    for seed in range(seeds):
        for method in methods:
            _run(method, seed, runs[method][seed], shared)
    rows = [_row(method, runs[method]) for method in methods]
    _write(output / "table.csv", rows)
    _plot(figure, output / "accuracy.png", runs)
    shown = [[_encoder(row), *(_show(row, name) for name in _COLUMNS)] for row in rows]
    print(tabulate(shown, headers=["method", *_COLUMNS.values()], tablefmt="github"))
    return rows


def _check(methods, options):
    choices = RunConfig.choices("method")
    unknown = [method for method in methods if method not in choices]
    if unknown or not methods:
        raise RunError(f"Methods are {', '.join(choices)}. Received: {', '.join(methods)}")
    try:
        RunConfig(**options).check_length()
    except ValueError as error:
        raise RunError(str(error)) from error
    if not any(options.get(name) for name in ("epochs", "steps", "minutes")):
        raise RunError("How long is a run? Give --minutes, --steps or --epochs.")
    data = options.get("data")
    if data and Path(data).is_dir() and not options.get("test_data"):
        raise RunError(
            "Methods are compared by the accuracy of their features, which takes labels: give "
            f"--test-data, a folder of the same classes as those of {data}."
        )


def _libraries():
    try:
        import sklearn  # noqa: F401  for the linear probe, an hour later
        from matplotlib.figure import Figure
        from tabulate import tabulate
    except ImportError as error:
        raise RunError(
            f"compare needs {error.name}: pip install 'keras-simmim[compare]'"
        ) from error
    return tabulate, Figure


def _check_same(run, options):
    """What has been run is a row of this table if it was run with these options."""
    if not (run / "config.json").exists():
        return
    config = RunConfig.from_json(run / "config.json")
    # Where the data lies makes no difference.
    options = {name: value for name, value in options.items() if name != "data_dir"}
    if differences := config.differences(options):
        was, is_now = differences
        raise RunError(
            f"{run} was run with {was}. Received: {is_now}. Give another --output, or the same "
            "options."
        )


def _run(method, seed, run, shared):
    """Trains and judges, or does what is left of it."""
    if not (run / "results.json").exists():
        arguments = ["--output", str(run)]
        if (run / "config.json").exists():
            arguments += ["--resume"]
        else:
            arguments += arguments_of(method, seed, shared)
        print(f"== {run.name}", flush=True)
        command = [sys.executable, "-m", "keras_simmim", "pretrain", *arguments]
        if subprocess.run(command).returncode:
            raise RunError(f"{run.name} failed; what it printed is above.")
    judged = run / "accuracy.json"
    if not judged.exists():
        accuracy = json.dumps(evaluate(run, probe=True), indent=2) + "\n"
        with written_whole(judged) as partial:
            partial.write_text(accuracy)


def _own(method, shared):
    """The options that a method shares with the others."""
    return {
        name: value
        for name, value in shared.items()
        if value is not None and name not in _OWN.get(method, ())
    }


def arguments_of(method, seed, shared):
    """What `pretrain` is started with for one run of a method."""
    arguments = ["--method", method, "--seed", str(seed)]
    for name, value in _own(method, shared).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            values = value if isinstance(value, tuple | list) else [value]
            arguments += [f"--{flag}", *map(str, values)]
    return arguments


def _row(method, runs):
    """Means and half ranges over the seeds, `(mean, spread)` for what was measured."""
    measured = {name: [] for name in _COLUMNS}
    for run in runs:
        results = read_results(run, needed=_MEASURED)
        accuracy = read_results(run, "accuracy.json", ("knn_accuracy", "linear_probe_accuracy"))
        measured["knn"].append(100 * accuracy["knn_accuracy"])
        measured["linear_probe"].append(100 * accuracy["linear_probe_accuracy"])
        measured["minutes"].append(results["training_minutes"])
        measured["images_per_second"].append(np.median(_history(run)["images_per_second"]))
        for name in _MEASURED[1:]:
            measured[name].append(results[name])
    config = RunConfig.from_json(runs[0] / "config.json")
    row = {"method": method, "encoder": config.encoder, "views": config.num_views}
    for name, values in measured.items():
        known = [value for value in values if value is not None]
        row[name] = float(np.mean(known)) if known else None
        row[f"{name}_spread"] = (max(known) - min(known)) / 2 if known else None
    return row


def _history(run):
    history = read_history(run)
    if "minutes" not in history:
        raise RunError(f"{run / 'history.csv'} has no epochs: remove {run}, and compare again.")
    return history


def _encoder(row):
    views = "1 view" if row["views"] == 1 else f"{row['views']} views"
    return f"{row['method']} ({row['encoder']}, {views})"


def _show(row, name):
    value, spread = row[name], row[f"{name}_spread"]
    if value is None:
        return "-"
    if name in ("knn", "linear_probe"):
        return f"{value:.1f} ± {spread:.1f}"
    return f"{value:,.1f}" if name == "minutes" else f"{value:,.0f}"


def _write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def _plot(figure, path, runs):
    """Accuracy of the looks during training against minutes, a line a run, a colour a method."""
    drawing = figure(figsize=(7, 4.5), layout="constrained")
    axes = drawing.subplots()
    for index, (method, folders) in enumerate(runs.items()):
        for run in folders:
            history = _history(run)
            looks = [
                (minutes, 100 * accuracy)
                for minutes, accuracy in zip(
                    history["minutes"], history.get("knn_accuracy", []), strict=False
                )
                if math.isfinite(accuracy)
            ]
            label = method if run == folders[0] else None
            axes.plot(*zip(*looks, strict=True), color=f"C{index}", label=label)
    axes.set(xlabel="minutes", ylabel="kNN accuracy on a part of the data, %")
    axes.legend()
    axes.grid(alpha=0.3)
    drawing.savefig(path, dpi=150)
