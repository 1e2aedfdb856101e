import dataclasses
import math
import statistics
from pathlib import Path

from keras_simmim.reports.libraries import import_extra
from keras_simmim.reports.pictures import Images, pictures
from keras_simmim.reports.render import render
from keras_simmim.reports.run_report import RunReport
from keras_simmim.reports.verdict import verdict
from keras_simmim.runs.check_folder import check_folder
from keras_simmim.runs.command import command
from keras_simmim.runs.history import read_history
from keras_simmim.runs.load_run import load_run
from keras_simmim.runs.read_results import read_results
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.versions import versions


def report(runs: list[Path], output: Path | None = None) -> Path:
    """Writes one HTML page that shows what runs have learnt; it needs no other file.

    Of a run that has not ended it shows what its last checkpoint holds.

    Args:
        runs: run folders, at least one; several are put side by side.
        output: the file to write; None: `report.html` in the folder of the only run.

    Returns:
        The file that was written.

    Raises:
        RunError: for a folder that is no run or has not ended an epoch, data that is not there any
            more, several runs without an output, one that can't be written, or a missing extra.
    """
    if output is None:
        if len(runs) > 1:
            raise RunError("Several runs are put side by side in a file of their own: --output.")
        output = runs[0] / "report.html"
    try:
        import_extra("jinja2", "plotly.offline", "sklearn.manifold")
    except ImportError as error:
        raise RunError(str(error)) from error
    if output.is_dir():
        raise RunError(f"{output} is a folder: give the name of a file, such as report.html.")
    check_folder(output.parent)
    loaded: dict[tuple, RunData] = {}
    page = render([_of_run(run, loaded) for run in runs])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")
    return output


def _of_run(run, loaded):
    config = RunConfig.from_json(run / "config.json")
    history = read_history(run)
    if not history.get("loss"):
        raise RunError(f"{run} has not ended an epoch yet: there is nothing to report.")
    # Runs on the same data share it.
    fields = (
        "data",
        "data_dir",
        "test_data",
        "image_size",
        "skip_unreadable",
        "batch_size",
        "seed",
    )
    key = tuple(getattr(config, field) for field in fields)
    if key not in loaded:
        loaded[key] = RunData.load(config)
    data = loaded[key]
    results = read_results(run)
    model = load_run(run)
    numbers = _numbers(history, results)
    return RunReport(
        name=run.resolve().name,
        title=f"{_NAMES[config.method]} on {data.description}",
        verdict=verdict(
            history,
            config.embedding_dim if config.method != "mim" else None,
            results.get("knn_accuracy_untrained"),
            ended=bool(results),
        ),
        numbers=numbers,
        facts=_facts(config, history, results, model),
        command=command(config),
        settings=[(name, _text(value)) for name, value in dataclasses.asdict(config).items()],
        history=history,
        pictures=pictures(model, _images(data)),
    )


_NAMES = {
    "simmim": "SimMIM (multi-view)",
    "simclr": "SimCLR",
    "moco": "MoCo",
    "byol": "BYOL",
    "empssl": "EMP-SSL",
    "mim": "Masked image modelling (SimMIM of Xie et al.)",
}


def _images(data):
    images, labels, names, train_images, train_labels = data.pictured()
    what = "images" if data.labelled is None else "test images"
    return Images(images, labels, names, train_images, train_labels, f"{len(images):,} {what}")


def _numbers(history, results):
    looks = [x for x in history.get("knn_accuracy", []) if math.isfinite(x)]
    accuracy = results.get("knn_accuracy", looks[-1] if looks else None)
    ranks = [x for x in history.get("rankme", []) if math.isfinite(x)]
    speed = history.get("images_per_second")
    minutes = results.get("training_minutes", history.get("minutes", [math.nan])[-1])
    return [
        ("kNN accuracy", "–" if accuracy is None else f"{accuracy:.1%}"),
        ("loss", f"{history['loss'][-1]:.3f}"),
        ("RankMe", f"{ranks[-1]:.0f}" if ranks else "–"),
        ("minutes", f"{minutes:.1f}"),
        ("images per second", f"{statistics.median(speed):,.0f}" if speed else "–"),
    ]


def _facts(config, history, results, model):
    epochs = len(history["loss"])
    planned = config.total_steps // config.steps_per_epoch
    encoder = f"{config.encoder} of width {config.width}"
    encoder += f", {model.encoder.count_params():,} parameters"
    least, most = config.crop_scale
    facts = [
        ("Method", _NAMES[config.method]),
        ("Data", config.data),
        ("Encoder", encoder),
        ("Views", f"{config.num_views} of each image, crops of {least:.0%} to {most:.0%}"),
        ("Batch", f"{config.batch_size} images"),
        (
            "Optimizer",
            f"{config.optimizer}, {config.learning_rate:g}, {config.schedule} schedule",
        ),
        ("Precision", config.precision),
        ("Backend", f"{config.backend} on {_count(results.get('devices', 1), 'device')}"),
        ("Seed", str(config.seed)),
        ("Epochs", f"{epochs} of {planned}, {config.steps_per_epoch} steps each"),
        ("Images seen", f"{epochs * config.steps_per_epoch * config.batch_size:,}"),
    ]
    if config.method != "mim":
        facts.insert(4, ("Head", f"{config.head}, {config.embedding_dim} dimensions"))
    if "knn_accuracy_untrained" in results:
        facts.append(("kNN accuracy before", f"{results['knn_accuracy_untrained']:.1%}"))
    if results.get("peak_memory_mb"):
        facts.append(("Peak memory", f"{results['peak_memory_mb']:,.0f} MB"))
    of = results.get("versions")
    shown = ", ".join(f"{name} {number}" for name, number in (of or versions()).items())
    facts.append(("Versions" if of else "Versions, of the report", shown))
    return facts


def _count(number, what):
    return f"{number} {what}" + ("" if number == 1 else "s")


def _text(value):
    return " to ".join(map(str, value)) if isinstance(value, tuple) else str(value)
