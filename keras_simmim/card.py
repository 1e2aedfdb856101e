"""The card of a published model, written from the record of its run."""

import csv
import dataclasses
import html
from pathlib import Path

from keras_simmim.runs import RunConfig
from keras_simmim.runs.command import command

_TITLES = {
    "simmim": "SimMIM, the multi-view method",
    "simclr": "SimCLR",
    "moco": "MoCo",
    "byol": "BYOL",
    "empssl": "EMP-SSL",
    "mim": "masked image modelling, the SimMIM of the paper",
}
_SOURCES = {
    "cifar10": "CIFAR-10, 50,000 training images, without labels",
    "sample": "the bundled sample of CIFAR-10, 5,000 training images, without labels",
}
_CREDIT = "; CIFAR-10 by Krizhevsky, 2009"


def write_card(
    folder: Path,
    name: str,
    config: RunConfig,
    results: dict,
    history: Path,
    side: int,
    licence: str,
) -> None:
    """Writes `card.md`: how a model was made, how good it is, and how to load it.

    Args:
        folder: folder of the published model.
        name: the model's name.
        config: the run's configuration.
        results: what `publish` has measured, `results.json`.
        history: the run's `history.csv`.
        side: height of its images in pixels.
        licence: licence of the weights.
    """
    with history.open(newline="") as file:
        rows = list(csv.DictReader(file))
    data = _SOURCES.get(config.data, config.data)
    # Where others keep CIFAR-10 is their own.
    typed = command(dataclasses.replace(config, data_dir=None))
    table = {
        "method": f"{_TITLES[config.method]}; `config.json` has every setting",
        "encoder": f"{config.encoder}, {results['parameters']:,} parameters",
        "data": _text(data),
        "command": f"`{_cell(typed)}`",
        "seed": str(config.seed),
        "training": f"{results['training_minutes']:.1f} minutes, {len(rows)} epochs of "
        f"{config.steps_per_epoch} steps, {results['images_seen']:,} images seen, loss "
        f"{float(rows[0]['loss']):.3f} to {float(rows[-1]['loss']):.3f}",
        "machine": f"{results['machine']}, {config.backend}, {config.precision}",
        "kNN accuracy, k = 200": _percent(results, "knn_accuracy")
        + f" ({_percent(results, 'knn_accuracy_untrained')} before training)",
        "the same, of `encoder_int8.tflite`": _percent(results, "int8_knn_accuracy"),
        "kNN accuracy before features are standardised": _percent(
            results, "knn_accuracy_as_trained"
        ),
        f"`classifier.keras`, {results['classifier']}": _percent(results, "classifier_accuracy"),
        "licence": _text(licence) + (_CREDIT if config.data in _SOURCES else ""),
    }
    lines = [f"# {name}", "", _intro(results), "", "| | |", "| --- | --- |"]
    lines += [f"| {key} | {value} |" for key, value in table.items()]
    lines += ["", _per_class(results), "", _files(results), "", _loading(name, side)]
    (folder / "card.md").write_text("\n".join(lines))


def _cell(text):
    return text.replace("|", "\\|")


def _text(text):
    """A text that is not Markdown's or HTML's, as a cell of a table."""
    return _cell(html.escape(text, quote=False))


def _percent(results, key):
    return f"{results[key]:.1%}" if key in results else "not measured"


def _intro(results):
    return (
        "An encoder, pre-trained without labels, and a classifier on it. They compute in float32\n"
        "and take raw pixels, uint8, 0 to 255. Accuracies are those of "
        f"{results['test_images']:,} test images."
    )


def _per_class(results):
    rows = ["| class | kNN | classifier |", "| --- | --- | --- |"]
    for label, of_class in results["per_class"].items():
        rows.append(f"| {_text(label)} | {of_class['knn']:.1%} | {of_class['classifier']:.1%} |")
    return "\n".join(rows)


def _files(results):
    rows = ["| file | MB |", "| --- | --- |"]
    rows += [f"| `{file}` | {size / 1e6:.2f} |" for file, size in results["files"].items()]
    return "\n".join(rows)


def _loading(name, side):
    return f"""```python
import keras_simmim as ks

encoder = ks.from_pretrained("{name}")  # or the path of this folder
features = ks.evaluation.embed(encoder, images)  # uint8 (N, {side}, {side}, C) -> (N, F) float32
logits = ks.from_pretrained("{name}", "classifier").predict(images)
```

Without Keras: `python examples/edge_inference.py classifier.tflite FOLDER`, or `classifier.onnx`.
"""
