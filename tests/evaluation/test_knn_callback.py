import csv
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_simmim.encoders import Standardize
from keras_simmim.evaluation import KNNCallback, embed, knn_accuracy
from keras_simmim.evaluation.model_knn import model_knn


class Tiny(keras.Model):
    """Has what a measurement could disturb: batch statistics, a seed and an optimizer."""

    def __init__(self):
        super().__init__()
        self.body = keras.Sequential(
            [
                keras.Input((4, 4, 3)),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Conv2D(8, 3),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.3, seed=1),
                keras.layers.GlobalAveragePooling2D(),
            ]
        )
        self.built = True

    def call(self, images, training=False):
        return self.body(images, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(y_pred - 1))


def data(count, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 128, (count, 4, 4, 3)) + 60 * np.eye(3)[labels][:, None, None]
    return images.astype("uint8"), labels


def callback(**kwargs):
    return KNNCallback(*data(50, 1), *data(20, 2), k=5, batch_size=16, **kwargs)


def fit(callbacks, epochs=3, **kwargs):
    keras.utils.set_random_seed(0)
    model = Tiny()
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    images, _ = data(24, 0)
    history = model.fit(
        images, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks, **kwargs
    )
    return model, history.history


def test_the_accuracy_of_an_epoch_is_that_of_its_model(tmp_path):
    seen = []

    class Measure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            train_images, train_labels = data(50, 1)
            test_images, test_labels = data(20, 2)
            features = embed(self.model, train_images), embed(self.model, test_images)
            seen.append(knn_accuracy(features[0], train_labels, features[1], test_labels, k=5))
            assert logs["knn_accuracy"] == seen[-1]

    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    validation = data(8, 3)[0]
    _, history = fit([callback(), Measure(), log], validation_data=(validation,))
    assert history["knn_accuracy"] == seen
    assert len(history["val_loss"]) == 3
    assert max(seen) > 0.5
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [float(row["knn_accuracy"]) for row in csv.DictReader(file)] == seen


def test_the_progress_bar_shows_it(capsys):
    model = Tiny()
    model.compile()
    model.fit(data(8, 0)[0], verbose=2, callbacks=[callback()])
    assert "knn_accuracy: " in capsys.readouterr().out


def test_training_is_the_same_with_and_without():
    with_callback, history = fit([callback()], validation_data=(data(8, 3)[0],))
    without, expected = fit([], validation_data=(data(8, 3)[0],))
    for name in ("loss", "val_loss"):
        assert history[name] == expected[name]
    assert len(with_callback.variables) == len(without.variables)
    for variable, other in zip(with_callback.variables, without.variables, strict=True):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(variable), ops.convert_to_numpy(other), err_msg=variable.path
        )


class Logs(keras.callbacks.Callback):
    """What was logged of each epoch."""

    def on_train_begin(self, logs=None):
        self.of = {}

    def on_epoch_end(self, epoch, logs=None):
        self.of[epoch] = dict(logs)


@pytest.mark.parametrize(
    "first, every, epochs, measured",
    [(0, 2, 5, [0, 1, 3, 4]), (0, 3, 6, [0, 2, 5]), (0, 9, 2, [0, 1]), (3, 3, 8, [3, 5, 7])],
)
def test_the_first_epoch_every_so_many_and_the_last(first, every, epochs, measured):
    logs = Logs()
    knn = callback(every=every)
    for _ in range(2):  # a further `fit` begins anew
        _, history = fit([knn, logs], epochs=epochs, initial_epoch=first)
        assert [e for e in logs.of if "knn_accuracy" in logs.of[e]] == measured
        assert len(history["knn_accuracy"]) == len(measured)
        assert all(0 <= accuracy <= 1 for accuracy in history["knn_accuracy"])


def test_a_fit_that_goes_on_with_another_needs_no_first_measurement():
    logs, knn = Logs(), callback(every=3)
    knn.measures_first = False
    fit([knn, logs], epochs=8, initial_epoch=3)
    assert [e for e in logs.of if "knn_accuracy" in logs.of[e]] == [5, 7]


@pytest.fixture
def measured(monkeypatch):
    """Sets what is measured, one after the other."""

    def measure(*values):
        given = iter(values)
        monkeypatch.setattr(KNNCallback, "measure", lambda self: next(given))

    return measure


MONITOR = {"monitor": "knn_accuracy", "mode": "max"}


def test_early_stopping_counts_measurements(measured):
    measured(0.1, 0.2, 0.3, 0.4)  # in epochs 1, 3, 6 and 9
    stop = keras.callbacks.EarlyStopping(**MONITOR, patience=2, restore_best_weights=True)
    _, history = fit([callback(every=3), stop], epochs=9)
    assert len(history["loss"]) == 9 and stop.best == 0.4 and stop.best_epoch == 8
    measured(0.1, 0.3, 0.2, 0.2, 0.2)
    _, history = fit([callback(every=3), stop], epochs=20)
    assert len(history["loss"]) == 9 and stop.best == 0.3 and stop.best_epoch == 2


def test_the_learning_rate_falls_by_measurements(measured):
    measured(0.1, 0.2, 0.3, 0.3, 0.3, 0.3)
    plateau = keras.callbacks.ReduceLROnPlateau(**MONITOR, patience=2, factor=0.1)
    _, history = fit([callback(every=3), plateau], epochs=14)
    # Logged before it falls: in epoch 12, the second measurement that is no better than epoch 6's.
    np.testing.assert_allclose(history["learning_rate"], [1e-2] * 12 + [1e-3] * 2, rtol=1e-6)


def test_the_best_model_is_kept_of_the_epochs_that_were_measured(measured, tmp_path):
    def kept(**kwargs):
        best = keras.callbacks.ModelCheckpoint(
            str(tmp_path / "{epoch}.weights.h5"),
            **{"save_best_only": True, "save_weights_only": True, **MONITOR, **kwargs},
        )
        _, history = fit([callback(every=3), best], epochs=9)
        saved = sorted(int(path.name.split(".")[0]) for path in tmp_path.iterdir())
        for path in tmp_path.iterdir():
            path.unlink()
        return saved, history["loss"]

    measured(0.1, 0.5, 0.4, 0.6)
    assert kept()[0] == [1, 3, 9]
    # Others go on as they did.
    measured(0.1, 0.5, 0.4, 0.6)
    saved, losses = kept(monitor="loss", mode="min")
    assert saved == [n + 1 for n, loss in enumerate(losses) if loss <= min(losses[: n + 1])]
    assert len(saved) > 4
    measured(0.1, 0.5, 0.4, 0.6)
    assert kept(save_best_only=False)[0] == list(range(1, 10))
    # What is never there is told by Keras.
    with pytest.warns(UserWarning, match="Can save best model only with other"):
        measured(0.1, 0.5, 0.4, 0.6)
        kept(monitor="other")


def test_the_csv_of_keras_has_the_column(measured, tmp_path):
    measured(0.1, 0.5, 0.4)
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    fit([callback(every=3), log], epochs=6)
    with (tmp_path / "log.csv").open(newline="") as file:
        column = [row["knn_accuracy"] for row in csv.DictReader(file)]
    assert column == ["0.1", "NA", "0.5", "NA", "NA", "0.4"]


def test_what_is_measured_but_not_finite_is_logged(measured):
    measured(math.nan, 0.2)
    _, history = fit([callback(every=9)], epochs=3)
    assert math.isnan(history["knn_accuracy"][0]) and history["knn_accuracy"][1] == 0.2


def test_an_epoch_that_ends_training_is_measured():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    _, history = fit([Stop(), callback(every=10)], epochs=5)
    assert len(history["knn_accuracy"]) == 1 and history["knn_accuracy"][0] > 0


def test_bad_arguments():
    with pytest.raises(ValueError, match="`every` must be a positive integer. Received: every=0"):
        callback(every=0)
    with pytest.raises(ValueError, match="each of the 5 images. Received: shape \\(4,\\)"):
        KNNCallback(data(5, 0)[0], np.zeros(4, int), *data(5, 0))
    images, labels = data(5, 0)
    with pytest.raises(ValueError, match="`test_labels` must hold an integer for each"):
        KNNCallback(images, labels, images, labels / 2)


@pytest.mark.parametrize("train, test", [(0, 5), (5, 0)])
def test_no_images(train, test):
    with pytest.raises(ValueError, match=f"Received: {train} to train on, {test} to test"):
        KNNCallback(*data(train, 0), *data(test, 0))


def test_images_that_the_method_does_not_take_are_refused_when_training_begins():
    model = keras.Sequential([keras.Input((4, 4, 3)), Standardize(), keras.layers.Flatten()])
    model.compile(optimizer="sgd", loss="mse")
    images, labels = data(8, 0)
    wrong = KNNCallback(images, labels, images / 255, labels)
    with pytest.raises(ValueError, match="multiply them by 255"):
        model.fit(images, np.zeros((8, 48)), verbose=0, callbacks=[wrong])
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_features_without_a_finite_length_have_no_accuracy(value):
    """Training that explodes must end by what says so, not by this."""
    features = np.ones((4, 3), "float32")
    features[2] = value
    labels = np.arange(4)
    images = np.zeros((4, 8, 8, 3), "uint8")
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    encoder.build((None, 8, 8, 3))
    accuracy = model_knn(encoder, (images, labels, images, labels), voters=features)
    assert math.isnan(accuracy)
