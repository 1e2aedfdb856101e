import contextlib
import json
import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_simmim import backend, evaluation
from keras_simmim.encoders import check_encoder
from keras_simmim.evaluation.embed import BATCH_SIZE, even_batch_size
from keras_simmim.evaluation.model_knn import model_knn
from keras_simmim.methods import BYOL, MaskedImageModel, Method
from keras_simmim.runs.build import build_method, build_optimizer, check_together
from keras_simmim.runs.check_folder import check_folder
from keras_simmim.runs.checkpoint import Checkpoint
from keras_simmim.runs.defaults import fill_in_engine, side_of
from keras_simmim.runs.locked import locked
from keras_simmim.runs.machine import describe_machine
from keras_simmim.runs.peak_memory import peak_memory_mb
from keras_simmim.runs.plan import plan
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.time_steps import StepTimes
from keras_simmim.runs.train import train
from keras_simmim.runs.training_state import TrainingState
from keras_simmim.runs.versions import versions
from keras_simmim.runs.written_whole import written_whole

_TAKEN = "{} holds a run already: give --resume, or another --output."


def pretrain(
    config: RunConfig,
    output: Path,
    resume: bool = False,
    started: float | None = None,
    why_backend: str = "as Keras was imported",
) -> Method:
    """Pre-trains a method into a run folder: config, history, logs, checkpoint, model and encoder.

    Args:
        config: what to run; its open fields are filled in. Of a run that is resumed, what it was
            set up with.
        output: the run folder; must not hold a run already, unless it is resumed.
        resume: whether to go on from the folder's checkpoint, as its `config.json` says: fields
            whose values differ from the defaults must be the same.
        started: `time.monotonic()` when the budget of `config.minutes` began; None: now.
        why_backend: why the backend is the one that it is, for people.

    Returns:
        The trained method.

    Raises:
        RunError: for data, options or a folder that can't be used, before anything is trained; for
            losses that are not finite, or what can't be written, with the last checkpoint whole.
        Stopped: after a checkpoint, where SIGTERM or Ctrl-C came during training.
    """
    started = time.monotonic() if started is None else started
    if config.deterministic:
        # Before anything else: frameworks read it when they look for devices.
        backend.enable_determinism()
    # Told to all, as the first of several processes is soon to write it.
    taken = backend.same_on_all(int((output / "config.json").exists()))
    if not resume and taken:
        raise RunError(_TAKEN.format(output))
    kept = _kept(config, output) if taken else None
    _check(config)
    check_folder(output)
    with contextlib.ExitStack() as stack:
        if taken:
            stack.enter_context(locked(output))
        why_precision = fill_in_engine(config)
        devices = backend.device_count()
        engine = f"{config.backend} ({why_backend}) in {config.precision} "
        engine += f"({why_precision})" + (f" on {devices} devices" if devices > 1 else "")
        keras.config.set_dtype_policy(config.precision)
        keras.utils.set_random_seed(config.seed)
        data = RunData.load(config)
        try:
            images = data.some_images()
            model = build_method(config, images)
            _check_whole_images(model, images.shape[1:])
            # What is wrong with its options is said before there is a folder.
            build_optimizer(config, 1000, data.steps_per_pass)
        except ValueError as error:
            raise RunError(" ".join(str(error).split())) from error
        first_look, look = _look(model, data)
        if not config.total_steps:
            plan(config, model, data, started, look)
        if not taken:
            # What could not be planned leaves no folder.
            output.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(output))
            # Another run may have been here while data was read.
            if backend.same_on_all(int((output / "config.json").exists())):
                raise RunError(_TAKEN.format(output))
        if backend.is_chief() and config != kept:
            config.to_json(output / "config.json")
        if isinstance(model, BYOL):
            model.momentum_steps = config.total_steps
        model.compile(optimizer=build_optimizer(config, config.total_steps, data.steps_per_pass))
        checkpoint = Checkpoint(output / "checkpoint", config.steps_per_epoch)
        # A run that is killed before its first checkpoint begins anew.
        state = (checkpoint.restore(model) if resume else None) or TrainingState()
        _describe(config, engine, model, data, output, first_look, state.step)
        # Minutes go on from those of the checkpoint.
        started -= 60 * state.minutes
        train(config, model, data, output, state, started)
        _finish(config, model, data, output, (time.monotonic() - started) / 60)
        return model


def _is_same(loaded, model, images):
    """Returns whether a loaded model is the one that was saved, by its weights and its features.

    Features may differ by rounding: frameworks compute a batch by other kernels once they have seen
    batches of other sizes.
    """
    pairs = zip(loaded.get_weights(), model.get_weights(), strict=True)
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in pairs):
        return False
    a, b = evaluation.embed(loaded, images), evaluation.embed(model, images)
    # Of bfloat16 some percent; what was saved wrong would be far from it.
    return bool(np.linalg.norm(a - b) <= 0.05 * np.linalg.norm(b))


def _kept(config, output):
    """Makes a configuration that of the run in a folder, which it must not differ from."""
    kept = RunConfig.from_json(output / "config.json", to_resume=True)
    if kept.backend is None:  # of 0.1.0, begun from Python
        kept.backend = keras.backend.backend()
    given = {**config.given(), "backend": keras.backend.backend()}
    if differences := kept.differences(given):
        was, is_now = differences
        raise RunError(
            f"{output} was set up with {was}, and is resumed so. Received: {is_now}. Start a new "
            "run, or give what is in its config.json."
        )
    vars(config).update(vars(kept))
    return kept


def _check(config):
    """Says what is wrong with a configuration before data is read."""
    try:
        config.check()
        config.check_length()
        backend.check_precision(config.precision)
        check_together(config, side_of(config))
    except ValueError as error:
        raise RunError(" ".join(str(error).split())) from error


def _check_whole_images(model, image_shape):
    """Features are those of whole images, which may be larger than views."""
    check_encoder(model.encoder, image_shape)
    if isinstance(model, MaskedImageModel):
        model.patch_masker.compute_output_shape((None, *image_shape))


def _look(model, data):
    """KNN accuracy on a part of the images, and the seconds that such looks take."""
    if data.labelled is None:
        return None, None
    start = time.monotonic()
    for images in (data.part[0], data.part[2]):
        # Compiles for the batches of the looks to come.
        evaluation.embed(model, images[: even_batch_size(len(images), BATCH_SIZE)])
    compiled = time.monotonic()
    accuracy = model_knn(model, data.part)
    end = time.monotonic()
    return accuracy, StepTimes(end - start, end - compiled)


def _describe(config, engine, model, data, output, first_look, done):
    print(
        f"{type(model).__name__} on {data.description}: {config.encoder} of "
        f"{model.encoder.count_params():,} parameters, {config.num_views} views, "
        f"batch {config.batch_size}, {config.optimizer} at {config.learning_rate:g}, "
        f"{config.schedule} schedule\n"
        f"{engine}, "
        f"{config.total_steps // config.steps_per_epoch} epochs of {config.steps_per_epoch} steps, "
        f"into {output}"
    )
    if first_look is not None:
        count = len(data.part[3])
        print(f"kNN accuracy of the untrained encoder on {count:,} test images: {first_look:.2%}")
    if done:
        print(f"Going on after step {done:,}")
    sys.stdout.flush()


def _finish(config, model, data, output, minutes):
    """Saves the model, proves that what was saved is what was trained, and says how good it is."""
    path = output / "model.keras"
    if backend.is_chief():
        for saved, name in ((model, "model.keras"), (model.encoder, "encoder.keras")):
            with written_whole(output / name) as partial:
                saved.save(partial)
    backend.same_on_all(0)  # when it is there
    loaded = keras.saving.load_model(path)
    results = {
        "training_minutes": round(minutes, 2),
        "images_seen": config.total_steps * config.batch_size,
        "parameters": model.encoder.count_params(),
        "peak_memory_mb": peak_memory_mb(),
        "devices": backend.device_count(),
        "versions": versions(),
        "machine": describe_machine(),
    }
    print(f"Trained for {minutes:.1f} minutes, saved {path}")
    if data.labelled is None:
        same = _is_same(loaded, model, data.some_images())
    else:
        # Made once more, so that a look at all images takes no time from the training.
        keras.utils.set_random_seed(config.seed)
        untrained = model_knn(build_method(config, data.some_images()), data.labelled)
        voters = evaluation.embed(model, data.labelled[0])
        trained = model_knn(model, data.labelled, voters=voters)
        # Test images suffice: what was saved wrong would be far from the voters.
        again = model_knn(loaded, data.labelled, voters=voters)
        same = _is_same(loaded, model, data.few_images())
        results |= {"knn_accuracy_untrained": untrained, "knn_accuracy": trained}
        print(
            f"kNN accuracy on {len(data.labelled[3]):,} test images: {trained:.2%} trained, "
            f"{again:.2%} loaded back ({untrained:.2%} untrained)"
        )
    if not same:
        raise RunError(f"{path}, loaded back, is not the model that was trained.")
    if backend.is_chief():
        with written_whole(output / "results.json") as partial:
            partial.write_text(json.dumps(results, indent=2) + "\n")
