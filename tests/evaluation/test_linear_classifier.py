import keras
import numpy as np
import pytest

from keras_simmim.evaluation import embed, linear_classifier, linear_probe

pytest.importorskip("sklearn")


def encoder():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 64, offset=-2.0),
            keras.layers.Conv2D(6, 3),
            keras.layers.ReLU(),
        ]
    )


def data(seed, classes):
    """Noise, brighter from class to class."""
    labels = np.arange(60) % classes
    pixels = (
        np.random.default_rng(seed).integers(0, 150, (60, 8, 8, 3))
        + 8 * labels[:, None, None, None]
    )
    return pixels.astype("uint8"), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_it_classifies_as_the_probe_does(classes):
    model = encoder()
    (train_images, train_y), (test_images, test_y) = data(0, classes), data(1, classes)
    train_x, test_x = embed(model, train_images), embed(model, test_images)
    classifier = linear_classifier(model, train_x, train_y, (8, 8, 3))
    predicted = embed(classifier, test_images).argmax(axis=1)
    probed = linear_probe(train_x, train_y, test_x, test_y)
    assert 1 / classes < probed < 1 and np.mean(predicted == test_y) == pytest.approx(probed)
    assert classifier.encoder is model


def test_labels_must_be_in_a_row():
    with pytest.raises(ValueError, match=r"Received: labels \[0, 2\]"):
        linear_classifier(encoder(), np.zeros((2, 6)), np.array([0, 2]), (8, 8, 3))
