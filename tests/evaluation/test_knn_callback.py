import csv
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_simmim.encoders import Standardize
from keras_simmim.evaluation import KNNCallback, embed, knn_accuracy


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


@pytest.mark.parametrize(
    "every, epochs, measured", [(2, 5, [1, 3, 4]), (3, 6, [2, 5]), (9, 2, [1])]
)
def test_every_so_many_epochs_and_the_last(every, epochs, measured):
    _, history = fit([callback(every=every)], epochs=epochs)
    accuracies = history["knn_accuracy"]
    assert len(accuracies) == epochs
    assert [e for e, accuracy in enumerate(accuracies) if not math.isnan(accuracy)] == measured


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


def test_images_that_the_method_does_not_take_are_refused_when_training_begins():
    model = keras.Sequential([keras.Input((4, 4, 3)), Standardize(), keras.layers.Flatten()])
    model.compile(optimizer="sgd", loss="mse")
    images, labels = data(8, 0)
    wrong = KNNCallback(images, labels, images / 255, labels)
    with pytest.raises(ValueError, match="multiply them by 255"):
        model.fit(images, np.zeros((8, 48)), verbose=0, callbacks=[wrong])
    assert int(model.optimizer.iterations) == 0
