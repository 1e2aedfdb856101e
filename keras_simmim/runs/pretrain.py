import csv
import json
import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_simmim import backend, evaluation
from keras_simmim.evaluation.model_knn import model_knn
from keras_simmim.methods import BYOL, Method
from keras_simmim.runs.build import build_method, build_optimizer, peak_learning_rate
from keras_simmim.runs.checkpoint import Checkpoint
from keras_simmim.runs.epoch_facts import EpochFacts
from keras_simmim.runs.machine import describe_machine
from keras_simmim.runs.peak_memory import peak_memory_mb
from keras_simmim.runs.plan import plan
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.tensorboard_scalars import TensorBoardScalars
from keras_simmim.runs.time_steps import StepTimes


def pretrain(
    config: RunConfig,
    output: Path,
    resume: bool = False,
    started: float | None = None,
    why_backend: str = "as Keras was imported",
) -> Method:
    """Pre-trains a method into a run folder: config, history, logs, checkpoint, model and encoder.

    Args:
        config: what to run; its open fields (steps, precision) are filled in.
        output: the run folder; must not hold a run already, unless it is resumed.
        resume: whether to go on from the folder's checkpoint.
        started: `time.monotonic()` when the budget of `config.minutes` began; None: now.
        why_backend: why the backend is the one that it is, for people.

    Returns:
        The trained method.

    Raises:
        RunError: for data, options or a folder that can't be used, before anything is trained.
    """
    started = time.monotonic() if started is None else started
    # Told to all, as the first of several processes is soon to write it.
    taken = backend.same_on_all(int((output / "config.json").exists()))
    if not resume and taken:
        raise RunError(f"{output} holds a run already: give --resume, or another --output.")
    why_precision = "as asked"
    if config.precision == "auto":
        config.precision, why_precision = backend.preferred_precision()
    devices = backend.device_count()
    engine = f"{keras.backend.backend()} ({why_backend}) in {config.precision} ({why_precision})"
    if devices > 1:
        engine += f" on {devices} devices"
    keras.config.set_dtype_policy(config.precision)
    if config.deterministic:
        backend.enable_determinism()
    keras.utils.set_random_seed(config.seed)
    data = RunData.load(config)
    try:
        backend.check_precision(config.precision)
        model = build_method(config, data.some_images())
    except ValueError as error:
        raise RunError(" ".join(str(error).split())) from error

    output.mkdir(parents=True, exist_ok=True)
    first_look, look = _look(model, data)
    if not config.total_steps:
        plan(config, model, data, started, look)
        if backend.is_chief():
            config.to_json(output / "config.json")
    if isinstance(model, BYOL):
        model.momentum_steps = config.total_steps
    model.compile(optimizer=build_optimizer(config, config.total_steps, data.steps_per_pass))
    checkpoint = Checkpoint(output / "checkpoint")
    done = checkpoint.restore(model) if resume else 0
    # Minutes go on from those of the epochs that are done.
    minutes = _keep_rows(output / "history.csv", done) if backend.is_chief() else 0.0
    started -= 60 * minutes
    _describe(config, engine, model, data, output, first_look, done)
    batches = data.batches(config.steps_per_epoch, first_step=done * config.steps_per_epoch)
    model.fit(
        batches,
        epochs=config.total_steps // config.steps_per_epoch,
        initial_epoch=done,
        shuffle=False,
        # A bar for a person, a line an epoch for a log.
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=_callbacks(config, data, batches, output, checkpoint, started),
    )
    minutes = (time.monotonic() - started) / 60
    _finish(config, model, data, output, minutes)
    return model


def _look(model, data):
    """KNN accuracy on a part of the images, and the seconds that such looks take."""
    if data.labelled is None:
        return None, None
    start = time.monotonic()
    evaluation.embed(model, data.some_images())  # compiles
    compiled = time.monotonic()
    accuracy = model_knn(model, data.part)
    end = time.monotonic()
    return accuracy, StepTimes(end - start, end - compiled)


def _describe(config, engine, model, data, output, first_look, done):
    print(
        f"{type(model).__name__} on {data.description}: {config.encoder} of "
        f"{model.encoder.count_params():,} parameters, {config.num_views} views, "
        f"batch {config.batch_size}, {config.optimizer} at {peak_learning_rate(config):g}, "
        f"{config.schedule} schedule\n"
        f"{engine}, "
        f"{config.total_steps // config.steps_per_epoch} epochs of {config.steps_per_epoch} steps, "
        f"into {output}"
    )
    if first_look is not None:
        count = len(data.part[3])
        print(f"kNN accuracy of the untrained encoder on {count:,} test images: {first_look:.2%}")
    if done:
        print(f"Going on after epoch {done}")
    sys.stdout.flush()


def _callbacks(config, data, batches, output, checkpoint, started):
    callbacks = [EpochFacts(batches, started)]
    if config.method != "mim":
        callbacks.append(evaluation.CollapseCallback())
    if config.knn_every and data.labelled is not None:
        callbacks.append(evaluation.KNNCallback(*data.part, every=config.knn_every))
    if not backend.is_chief():
        return callbacks
    callbacks.append(keras.callbacks.CSVLogger(str(output / "history.csv"), append=True))
    try:
        callbacks.append(TensorBoardScalars(output / "tensorboard"))
    except ImportError as error:
        print(error)
    # Last, so that what is logged of an epoch is on disk before the epoch counts as done.
    return [*callbacks, checkpoint]


def _keep_rows(path, epochs):
    """Drops the rows of epochs that the checkpoint does not have: they come again.

    Returns the minutes of the last one that is kept.
    """
    if not path.exists():
        return 0.0
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    keep = [row for row in rows if row[0] == "epoch" or int(row[0]) < epochs]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(keep if len(keep) > 1 else [])
    return float(keep[-1][keep[0].index("minutes")]) if len(keep) > 1 else 0.0


def _finish(config, model, data, output, minutes):
    """Saves the model, proves that what was saved is what was trained, and says how good it is."""
    path = output / "model.keras"
    if backend.is_chief():
        model.save(path)
        model.encoder.save(output / "encoder.keras")
    backend.same_on_all(0)  # when it is there
    loaded = keras.saving.load_model(path)
    results = {
        "training_minutes": round(minutes, 2),
        "images_seen": config.total_steps * config.batch_size,
        "parameters": model.encoder.count_params(),
        "peak_memory_mb": peak_memory_mb(),
        "machine": describe_machine(),
    }
    print(f"Trained for {minutes:.1f} minutes, saved {path}")
    if data.labelled is None:
        images = data.some_images()
        same = np.array_equal(evaluation.embed(loaded, images), evaluation.embed(model, images))
    else:
        # Made once more, so that a look at all images takes no time from the training.
        keras.utils.set_random_seed(config.seed)
        untrained = model_knn(build_method(config, data.some_images()), data.labelled)
        trained, again = model_knn(model, data.labelled), model_knn(loaded, data.labelled)
        same = again == trained
        results |= {"knn_accuracy_untrained": untrained, "knn_accuracy": trained}
        print(
            f"kNN accuracy on {len(data.labelled[3]):,} test images: {trained:.2%} trained, "
            f"{again:.2%} loaded back ({untrained:.2%} untrained)"
        )
    if not same:
        raise RunError(f"{path}, loaded back, is not the model that was trained.")
    if backend.is_chief():
        (output / "results.json").write_text(json.dumps(results, indent=2) + "\n")
