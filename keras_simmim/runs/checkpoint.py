import dataclasses
import json
import math
import time
from pathlib import Path

import keras
import numpy as np

from keras_simmim import backend
from keras_simmim.load_model import reason, warnings_of_success
from keras_simmim.runs.find_checkpoint import checkpoints, find_checkpoint, read_state
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.stop_signals import StopSignals
from keras_simmim.runs.stopped import Stopped
from keras_simmim.runs.training_state import TrainingState
from keras_simmim.runs.written_whole import remove, written_whole

# Not `.weights.h5`, which is written to the disk piece by piece: on a full one h5py crashes.
_MODEL, _STATE = "model.keras", "state.json"


class Checkpoint(keras.callbacks.Callback):
    """Keeps the state of training: at the start, after epochs, and every few minutes.

    After each epoch, unless epochs are so short that this would take more than a tenth of the time;
    always after one that was looked at (kNN), and after the last.

    A checkpoint is a folder `step-N`: N steps are done. It holds weights, optimizer and seed
    generators (`model.keras`, which Keras can load too), and what an epoch has come to so far
    (`state.json`). It appears by one rename, so that what is found is whole. The last two are kept,
    and the one with the best kNN accuracy. Weights that are not finite are not kept.

    Of several processes each needs the callback, and the first one writes.

    Args:
        folder: where checkpoints are kept; made if missing.
        steps_per_epoch: steps of a whole epoch.
        state: where training goes on, as `restore` gave it.
        minutes: between checkpoints within an epoch.
        signals: what ends training after the step that runs; None: nothing does.
        started: `time.monotonic()` when the run began; None: when training begins.

    Raises:
        RunError: where a checkpoint can't be written.
        Stopped: after the checkpoint that a signal asked for.
    """

    # Greatest share of the time that is spent on keeping what short epochs have come to.
    SHARE = 0.1

    def __init__(
        self,
        folder: Path,
        steps_per_epoch: int,
        state: TrainingState | None = None,
        minutes: float = 5.0,
        signals: StopSignals | None = None,
        started: float | None = None,
    ):
        super().__init__()
        self.folder = Path(folder)
        self.steps_per_epoch = steps_per_epoch
        self.state = state or TrainingState()
        self.minutes = minutes
        self.signals = signals or StopSignals()
        self.started = started
        self._cost = 0.0

    def on_train_begin(self, logs=None):
        now = time.monotonic()
        self.started = now if self.started is None else self.started
        self._saved = self._talked = now
        if self.state.step == 0:
            # Or there would be no state of it to keep.
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            self.save()

    def on_epoch_begin(self, epoch, logs=None):
        self._next_talk = 0
        step = epoch * self.steps_per_epoch
        self._first_step = max(step, self.state.step)
        if self._first_step > step and self.state.metrics is not None:
            values = self.state.metrics
            for variable, value in zip(self.model.metrics_variables, values, strict=True):
                variable.assign(np.asarray(value, variable.dtype))

    def on_train_batch_end(self, batch, logs=None):
        stop, due = self._agree(batch)
        if not (stop or due):
            return
        self.state.step = self._first_step + batch + 1
        if self.state.step % self.steps_per_epoch == 0:
            return  # what comes at the end of the epoch
        self.state.metrics = [
            keras.ops.convert_to_numpy(variable).tolist()
            for variable in self.model.metrics_variables
        ]
        self.state.accuracy = None
        self.save()
        self._stop_if_asked(stop)

    def on_epoch_end(self, epoch, logs=None):
        self.state.step = (epoch + 1) * self.steps_per_epoch
        self.state.metrics = None
        accuracy = (logs or {}).get("knn_accuracy", math.nan)
        self.state.accuracy = None if math.isnan(accuracy) else accuracy
        last = self.state.step >= self.params.get("epochs", 0) * self.steps_per_epoch
        stop = not last and backend.largest_of_all(self.signals.received is not None)
        looked = self.state.accuracy is not None
        if last or stop or looked or time.monotonic() - self._saved >= self._cost / self.SHARE:
            self.save()
        self._stop_if_asked(stop)

    def _agree(self, batch):
        """Whether to stop, and whether a checkpoint is due: the same on all processes."""
        now = time.monotonic()
        wish = [self.signals.received is not None, now - self._saved > 60 * self.minutes]
        if backend.process_count() == 1:
            return wish
        if batch < self._next_talk:
            return False, False
        # About once a second: talking takes time.
        steps = 1 if batch == 0 else (batch - self._last_talk) / max(now - self._talked, 1e-3)
        stop, due, steps = backend.largest_of_all(np.array([*wish, max(1, steps)], "float32"))
        self._last_talk, self._talked = batch, now
        self._next_talk = batch + int(steps)
        return bool(stop), bool(due)

    def _stop_if_asked(self, stop):
        if stop:
            number = self.signals.received or 15
            raise Stopped(f"Stopped after step {self.state.step:,}, which is kept.", number)

    def save(self) -> None:
        """Keeps the state as it is; where the weights are not finite, does nothing."""
        self._saved = time.monotonic()
        self.state.minutes = (self._saved - self.started) / 60
        path = self.folder / f"step-{self.state.step:08d}"
        if not backend.is_chief() or path.exists() or not _is_finite(self.model):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial:
            partial.mkdir()
            self.model.save(partial / _MODEL)
            (partial / _STATE).write_text(json.dumps(dataclasses.asdict(self.state)))
        self._remove_old()
        self._cost = time.monotonic() - self._saved

    def _remove_old(self):
        paths = checkpoints(self.folder)
        kept = {*paths[-2:], find_checkpoint(self.folder, best=True)}
        for path in paths:
            if path not in kept:
                # Renamed first: what has the name of a checkpoint is whole.
                remove(path.rename(path.with_name(f"partial-{path.name}")))

    def restore(self, model: keras.Model, best: bool = False) -> TrainingState | None:
        """Loads a checkpoint into a compiled model.

        Args:
            model: built and compiled as the one that was kept.
            best: whether it is the one of the best kNN accuracy, not the last.

        Returns:
            Where training goes on; None where there is no checkpoint.

        Raises:
            RunError: for one that is damaged or of another model.
        """
        path = find_checkpoint(self.folder, best)
        if path is None:
            return None
        # Keras passes over the state of an optimizer that is not built.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        try:
            with warnings_of_success():
                model.load_weights(path / _MODEL)
            self.state = read_state(path)
        except Exception as error:  # whatever a reader of archives, HDF5 or JSON raises
            raise RunError(
                f"{path} can't be restored: {reason(error)}. Without that folder, the run goes on "
                "from the checkpoint before."
            ) from error
        return self.state


def _is_finite(model):
    return all(
        np.isfinite(weight).all()
        for weight in model.get_weights()
        if np.issubdtype(weight.dtype, np.floating)
    )
