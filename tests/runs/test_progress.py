import io
import re
import sys

import keras
import numpy as np
import pytest

from keras_simmim.runs.progress import TrainingProgress, _duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Looks(keras.callbacks.Callback):
    """KNN in every third epoch, as `KNNCallback` logs it."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch % 3 == 2:
            logs["knn_accuracy"] = 0.25
        logs["images_per_second"] = 1234.0


def fit(epochs, initial_epoch=0):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callbacks = [Looks(), TrainingProgress(epochs, 4, 2)]
    images = np.zeros((8, 1), "float32")
    model.fit(
        images,
        images,
        batch_size=2,
        epochs=epochs,
        initial_epoch=initial_epoch,
        verbose=0,
        callbacks=callbacks,
    )


def epochs_of(lines):
    return [int(re.match(r"epoch (\d+) of", line)[1]) for line in lines]


def test_a_line_a_milestone_for_a_log(capsys):
    fit(40)
    lines = capsys.readouterr().out.splitlines()
    looked = range(3, 41, 3)
    assert epochs_of(lines) == sorted({1, *range(4, 41, 4), *looked})
    left = r"(\d+ h )?\d+ (s|min) left"
    assert re.fullmatch(rf"epoch 1 of 40: loss 0\.0000, 1,234 images/s, {left}", lines[0])
    assert "kNN accuracy 25.0%" in lines[1] and "left" not in lines[-1]


def test_a_run_that_goes_on_counts_from_where_it_was(capsys):
    fit(12, initial_epoch=10)
    assert epochs_of(capsys.readouterr().out.splitlines()) == [11, 12]


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    fit(3)
    shown = terminal.getvalue()
    assert "━" in shown and "left:" in shown and "epoch 3 of 3" in shown
    assert re.search(r"[\d,]+ images/s", shown)
    # What is printed above stays when the bar has gone.
    assert "epoch 3 of 3: loss 0.0000, kNN accuracy 25.0%" in shown
    assert shown.rstrip().endswith("\x1b[2K") or "\x1b[?25h" in shown  # the cursor is back


@pytest.mark.parametrize(
    "seconds, shown", [(29, "29 s"), (89, "1 min"), (3540, "59 min"), (7300, "2 h 2 min")]
)
def test_time_left_in_words(seconds, shown):
    assert _duration(seconds) == shown
