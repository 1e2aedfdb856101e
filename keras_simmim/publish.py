"""From a run folder to a saved model: files for Keras and other runtimes, and a card."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np

from keras_simmim import datasets, evaluation
from keras_simmim.backend.export_formats import check_formats
from keras_simmim.backend.run_litert import run_litert
from keras_simmim.card import write_card
from keras_simmim.encoders.float32_copy import float32_copy
from keras_simmim.export import export
from keras_simmim.load_model import load_model
from keras_simmim.runs import RunConfig, RunError, images_of_run
from keras_simmim.runs.check_folder import check_folder
from keras_simmim.runs.evaluate import load_data
from keras_simmim.runs.history import read_history
from keras_simmim.runs.machine import describe_machine
from keras_simmim.runs.read_results import read_results
from keras_simmim.runs.run_data import load_labelled
from keras_simmim.runs.written_whole import remove

_PARTS = {"encoder": ("onnx", "litert", "litert-int8"), "classifier": ("onnx", "litert")}
# Of what a run has ended with, for the card.
_NEEDED = ("training_minutes", "images_seen", "parameters")


def publish(
    run: Path,
    folder: Path,
    test_data: str | None = None,
    data_dir: str | None = None,
    fine_tune_epochs: int | None = None,
    licence: str = "Apache-2.0",
) -> dict:
    """Writes what is worth keeping of a run, judged, as `from_pretrained` finds it.

    The folder gets `encoder.keras`, whose features are standardised over the training images, and
    `classifier.keras`, both in float32 and exported to ONNX and LiteRT, the encoder to int8, too;
    `model.keras` as it was trained, to go on with; `config.json`, `results.json` and `card.md`. The
    classifier is the linear probe of the very encoder: its accuracy says how good the features are,
    and a device that needs both features and classes runs one network. Where the features of a
    method are not made for that (`mim`), a fine-tuned classifier is better.

    Args:
        run: a run folder whose training has ended, on data with labels.
        folder: the folder to write, whose name is the model's; nothing may be there. It appears
            when all is in it.
        test_data: folder of classes to test on, where the run's data is a folder; None: the run's.
        data_dir: where TensorFlow Datasets keeps CIFAR-10; None: as in the run.
        fine_tune_epochs: epochs of fine-tuning a copy of the encoder as the classifier; None: the
            linear probe.
        licence: licence of the weights.

    Returns:
        What `results.json` holds.

    Raises:
        RunError: for a run, a folder or data that can't be used, or a missing extra.
    """
    config = RunConfig.from_json(run / "config.json")
    if not (run / "results.json").is_file():
        raise RunError(f"{run} holds no results.json: has its training ended?")
    if folder.exists():
        raise RunError(f"{folder} exists: give another name, or remove it first.")
    check_folder(folder)
    partial = folder.with_name(f"partial-{folder.name}")
    remove(partial)
    try:
        for forms in _PARTS.values():
            check_formats(forms, keras.backend.backend())
        config.data_dir = data_dir or config.data_dir
        labelled = load_data(
            config.data,
            test_data or config.test_data,
            config.data_dir,
            config.folder_image_size,
            config.skip_unreadable,
        )
        results = read_results(run, needed=_NEEDED)
        _check_files(run)
        images = images_of_run(config)
        made = _make(run, partial, config, labelled, images, fine_tune_epochs)
        results = {"machine": describe_machine(), **results, **made}
        shutil.copy(run / "config.json", partial / "config.json")
        history = run / "history.csv"
        write_card(partial, folder.name, config, results, history, images.shape[1], licence)
        (partial / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        partial.rename(folder)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise RunError(" ".join(str(error).split())) from error
    finally:
        remove(partial)
    return results


def _check_files(run):
    for name in ("model.keras", "history.csv"):
        if not (run / name).is_file():
            raise RunError(f"{run} holds no {name}: has its training ended?")
    if not read_history(run).get("loss"):
        raise RunError(f"{run / 'history.csv'} is damaged: it holds no losses.")


def _make(run, folder, config, labelled, images, fine_tune_epochs):
    """Writes the models and judges them."""
    train_images, train_y, test_images, test_y = labelled
    method = load_model(run / "model.keras")
    trained = float32_copy(method.encoder, images.shape[1:])
    plain = [evaluation.embed(trained, part) for part in (train_images, test_images)]
    as_trained = evaluation.knn_accuracy(plain[0], train_y, plain[1], test_y)
    encoder = evaluation.standardize_features(trained, plain[0], images.shape[1:])
    # What the last layer does to a map, it does to the average of one: no image is encoded again.
    train_x, test_x = (keras.ops.convert_to_numpy(encoder.layers[-1](x)) for x in plain)
    if fine_tune_epochs is None:
        kind = "a linear probe of the encoder"
        classifier = evaluation.linear_classifier(encoder, train_x, train_y, images.shape[1:])
    else:
        kind = f"the encoder fine-tuned for {fine_tune_epochs} epochs"
        arrays = (_as_array(train_images), train_y, _as_array(test_images), test_y)
        tuned = evaluation.fine_tune(trained, *arrays, epochs=fine_tune_epochs, verbose=2)
        classifier = float32_copy(tuned.classifier, images.shape[1:])
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save(folder / "encoder.keras")
    classifier.save(folder / "classifier.keras")
    shutil.copy(run / "model.keras", folder / "model.keras")
    exported = {}
    for model, (name, forms) in zip((encoder, classifier), _PARTS.items(), strict=True):
        exported[name] = export(model, folder, forms, images, name)

    int8 = exported["encoder"]["litert-int8"].path
    knn = evaluation.knn_predict(train_x, train_y, test_x) == test_y
    classified = evaluation.embed(classifier, test_images).argmax(axis=1) == test_y
    results = {
        "test_images": len(test_y),
        "knn_accuracy": float(np.mean(knn)),
        "knn_accuracy_as_trained": as_trained,
        "classifier": kind,
        "classifier_accuracy": float(np.mean(classified)),
        "int8_knn_accuracy": evaluation.knn_accuracy(
            _run_in_batches(int8, train_images), train_y, _run_in_batches(int8, test_images), test_y
        ),
        "per_class": _per_class(_class_names(config, train_images), test_y, knn, classified),
        "files": {
            path.name: path.stat().st_size
            for path in sorted(folder.iterdir())
            if path.suffix in (".keras", ".onnx", ".tflite")
        },
    }
    if config.data == "cifar10":
        results["sample"] = _on_sample(encoder, classifier)
    return results


def _as_array(images):
    if isinstance(images, np.ndarray):
        return images
    return np.concatenate([batch for batch, *_ in images])


def _run_in_batches(path, images):
    """Features that an exported encoder gives."""
    if not isinstance(images, np.ndarray):
        return np.concatenate([run_litert(path, batch[0]) for batch in images])
    parts = np.array_split(images, -(-len(images) // 500))
    return np.concatenate([run_litert(path, part) for part in parts])


def _per_class(names, test_y, knn, classified):
    """Accuracy on each class that there are test images of: a folder to test on may lack some."""
    return {
        name: {
            "knn": float(np.mean(knn[test_y == index])),
            "classifier": float(np.mean(classified[test_y == index])),
        }
        for index, name in enumerate(names)
        if np.any(test_y == index)
    }


def _class_names(config, images):
    if isinstance(images, datasets.ImageFolder):
        return images.class_names
    return datasets.class_names(config.data)


def _on_sample(encoder, classifier):
    """The same on the bundled sample, whose images are of CIFAR-10: quickly checked anywhere."""
    train_images, train_y, test_images, test_y = load_labelled("sample")
    train_x, test_x = (evaluation.embed(encoder, part) for part in (train_images, test_images))
    logits = evaluation.embed(classifier, test_images)
    return {
        "knn_accuracy": evaluation.knn_accuracy(train_x, train_y, test_x, test_y),
        "classifier_accuracy": float(np.mean(logits.argmax(axis=1) == test_y)),
    }
