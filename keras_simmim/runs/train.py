import csv
import errno
from pathlib import Path

import keras

from keras_simmim import backend, evaluation
from keras_simmim.methods import Method
from keras_simmim.runs.checkpoint import Checkpoint
from keras_simmim.runs.epoch_facts import EpochFacts
from keras_simmim.runs.explain_bad_steps import explain_bad_steps
from keras_simmim.runs.history_file import HistoryFile
from keras_simmim.runs.not_finite import NotFinite
from keras_simmim.runs.progress import TrainingProgress
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData
from keras_simmim.runs.stop_on_bad_steps import StopOnBadSteps
from keras_simmim.runs.stop_signals import StopSignals
from keras_simmim.runs.tensorboard_pictures import TensorBoardPictures
from keras_simmim.runs.tensorboard_scalars import TensorBoardScalars
from keras_simmim.runs.training_state import TrainingState
from keras_simmim.runs.written_whole import cant_write, written_whole

_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def train(
    config: RunConfig,
    model: Method,
    data: RunData,
    output: Path,
    state: TrainingState,
    started: float,
) -> None:
    """Runs `fit` from a state of training to the end, and keeps checkpoints on the way.

    Args:
        config: of the run, planned.
        model: the method, compiled, with the weights of the state.
        data: what it is trained on.
        output: the run folder.
        state: where training goes on.
        started: `time.monotonic()` when the run began.

    Raises:
        RunError: for losses that are not finite, or what can't be written.
        Stopped: after a checkpoint, where SIGTERM or Ctrl-C came.
    """
    if backend.is_chief():
        _keep_rows(output / "history.csv", state.step // config.steps_per_epoch)
    with StopSignals() as signals:
        checkpoint = Checkpoint(
            output / "checkpoint",
            config.steps_per_epoch,
            state,
            config.checkpoint_minutes,
            signals,
            started,
        )
        try:
            _fit(config, model, data, output, checkpoint)
        except NotFinite as error:
            bad_step = output / "bad-step.npz"
            raise explain_bad_steps(error, model, data, checkpoint, bad_step) from error
        except OSError as error:
            if error.errno not in _DISK_IS_FULL:
                raise
            raise cant_write(Path(error.filename or output / "history.csv"), error) from error


def _fit(config, model, data, output, checkpoint):
    step, steps_per_epoch = checkpoint.state.step, config.steps_per_epoch
    epoch, offset = divmod(step, steps_per_epoch)
    if offset:
        # `fit` begins epochs at their first step: the rest of one is an epoch that is shorter.
        end = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: _stop(model))
        _fit_epochs(config, model, data, output, checkpoint, steps_per_epoch - offset, [end])
        epoch += 1
    if epoch * steps_per_epoch < config.total_steps:
        _fit_epochs(config, model, data, output, checkpoint, steps_per_epoch, [])


def _stop(model):
    model.stop_training = True


def _fit_epochs(config, model, data, output, checkpoint, length, further):
    """Runs epochs of some length from the checkpoint's state on."""
    first_step = checkpoint.state.step
    batches = data.batches(length, first_step)
    callbacks = _callbacks(config, data, batches, output, checkpoint.started)
    bad_steps = StopOnBadSteps(config.steps_per_epoch, first_step, config.bad_steps)
    # The checkpoint last, so that what is logged of an epoch is on disk before it counts as done.
    model.fit(
        batches,
        epochs=config.total_steps // config.steps_per_epoch,
        initial_epoch=first_step // config.steps_per_epoch,
        shuffle=False,
        verbose=0,  # `TrainingProgress` tells
        callbacks=[*callbacks, bad_steps, checkpoint, *further],
    )


def _callbacks(config, data, batches, output, started):
    callbacks = [EpochFacts(batches, started)]
    if config.method != "mim":
        callbacks.append(evaluation.CollapseCallback())
    looks = _looks(config, data)
    for look in looks:
        # The first epoch of the run: one that goes on measures what it would have measured.
        look.measures_first = batches.first_step < config.steps_per_epoch
    callbacks += looks
    if not backend.is_chief():
        return callbacks
    names = [name for look in looks for name in look.names]
    callbacks.append(HistoryFile(output / "history.csv", names))
    epochs = config.total_steps // config.steps_per_epoch
    callbacks.append(TrainingProgress(epochs, config.steps_per_epoch, config.batch_size))
    try:
        callbacks.append(TensorBoardScalars(output / "tensorboard"))
        # Of several processes one can't embed alone.
        if backend.process_count() == 1:
            callbacks.append(TensorBoardPictures(output / "tensorboard", *data.named_images()))
    except ImportError as error:
        print(error)
    return callbacks


def _looks(config, data):
    """What measures the features in some epochs."""
    if not config.knn_every:
        return []
    looks = [evaluation.SpaceCallback(data.few_images(), every=config.knn_every)]
    if data.labelled is not None:
        looks.append(evaluation.KNNCallback(*data.part, every=config.knn_every))
    return looks


def _keep_rows(path, epochs):
    """Drops the rows of epochs that the checkpoint does not have: they come again."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        header, *rows = [row for row in csv.reader(file) if row] or [[]]
    keep = [row for row in rows if len(row) == len(header) and int(row[0]) < epochs]
    with written_whole(path) as partial, partial.open("w", newline="") as file:
        csv.writer(file).writerows([header, *keep] if keep else [])
