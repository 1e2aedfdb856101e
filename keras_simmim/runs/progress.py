import atexit
import math
import sys
import time

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingProgress(keras.callbacks.Callback):
    """Says how far training is: a line a milestone and, on a terminal, a bar below.

    The bar shows the part of the run that is done, images/s of the last seconds and the time left.
    A milestone is the end of an epoch that was looked at (kNN), that ends a tenth of the run, or is
    the first or the last. Put it after callbacks whose logs it shows.

    Args:
        epochs: those of the whole run.
        steps_per_epoch: batches of an epoch.
        batch_size: images of a batch.
    """

    # Seconds that speed and time left are judged by.
    WINDOW = 30.0

    def __init__(self, epochs: int, steps_per_epoch: int, batch_size: int):
        super().__init__()
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size

    def on_train_begin(self, logs=None):
        # Made here, for the standard output of now.
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]} of {task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f}%"),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=self._console,
            speed_estimate_period=self.WINDOW,
            refresh_per_second=2,
            transient=True,
            disable=not sys.stdout.isatty(),
        )
        self._task = self._bar.add_task(
            "", total=self.epochs * self.steps_per_epoch, epoch=1, epochs=self.epochs, speed=""
        )
        self._bar.start()
        # The cursor comes back where training is broken off, too.
        atexit.register(self._bar.stop)
        self._began = None

    def on_epoch_begin(self, epoch, logs=None):
        if self._began is None:
            self._began, self._first = time.monotonic(), epoch
            # What an earlier process has done is no speed of this one.
            self._bar.reset(self._task, completed=epoch * self.steps_per_epoch)
        self._epoch = epoch
        self._bar.update(self._task, epoch=epoch + 1)

    def on_train_batch_end(self, batch, logs=None):
        speed = self._bar.tasks[self._task].speed
        self._bar.update(
            self._task,
            completed=self._epoch * self.steps_per_epoch + batch + 1,
            speed=f"{speed * self.batch_size:,.0f} images/s" if speed else "",
        )

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        done = epoch + 1
        tenth = 10 * done // self.epochs > 10 * epoch // self.epochs
        looked = math.isfinite(logs.get("knn_accuracy", math.nan))
        if tenth or looked or epoch == self._first or self.model.stop_training:
            self._console.print(self._line(done, logs))

    def _line(self, done, logs):
        parts = [f"epoch {done} of {self.epochs}:"]
        shown = [f"loss {logs['loss']:.4f}"] if "loss" in logs else []
        for name, title in (
            ("contrastive_accuracy", "contrastive accuracy"),
            ("knn_accuracy", "kNN accuracy"),
        ):
            if math.isfinite(logs.get(name, math.nan)):
                shown.append(f"{title} {logs[name]:.1%}")
        if "images_per_second" in logs:
            shown.append(f"{logs['images_per_second']:,.0f} images/s")
        if done < self.epochs:
            seconds = (time.monotonic() - self._began) / (done - self._first)
            shown.append(f"{_duration(seconds * (self.epochs - done))} left")
        return " ".join([*parts, ", ".join(shown)])

    def on_train_end(self, logs=None):
        self._bar.stop()
        atexit.unregister(self._bar.stop)


def _duration(seconds):
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
