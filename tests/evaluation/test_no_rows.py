"""What judges features says in words that there is nothing to judge by or nothing to judge."""

import numpy as np
import pytest
from small_methods import METHODS, some_images

from keras_simmim import evaluation

FEATURES = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
LABELS = np.arange(12) % 3
SOME = FEATURES, LABELS
NONE = FEATURES[:0], LABELS[:0]


@pytest.mark.parametrize("judge", [evaluation.knn_accuracy, evaluation.linear_probe])
@pytest.mark.parametrize("train, test", [(SOME, NONE), (NONE, SOME), (NONE, NONE)])
def test_rows(judge, train, test):
    counts = f"Received: {len(train[0])} to train on, {len(test[0])} to test"
    with pytest.raises(ValueError, match=f"rows of features to train on and to test. {counts}"):
        judge(*train, *test)


@pytest.mark.parametrize("judge", [evaluation.probe_layers, evaluation.fine_tune])
@pytest.mark.parametrize("train, test", [(6, 0), (0, 6)])
def test_images(judge, train, test, monkeypatch):
    """Before any is encoded."""
    encoder = METHODS["SimCLR"]().encoder
    monkeypatch.setattr("keras.Model.fit", None)
    monkeypatch.setattr("keras.Model.predict_on_batch", None)
    some = [(some_images(6)[:count], LABELS[:count]) for count in (train, test)]
    with pytest.raises(ValueError, match=f"images to train on and to test. .* {train} to train"):
        judge(encoder, *some[0], *some[1])


def test_a_classifier():
    encoder = METHODS["SimCLR"]().encoder
    with pytest.raises(ValueError, match="Received: 0 training rows"):
        evaluation.linear_classifier(encoder, *NONE, (16, 16, 3))


@pytest.mark.parametrize(
    "measure",
    [evaluation.uniformity, evaluation.rankme, lambda z: evaluation.alignment(z[:, None])],
)
def test_measures_without_labels(measure):
    with pytest.raises(ValueError, match="of at least [12] images. Received: shape"):
        measure(FEATURES[:0])


def test_standardised_features():
    encoder = METHODS["SimCLR"]().encoder
    with pytest.raises(ValueError, match="at least two images. Received: shape"):
        evaluation.standardize_features(encoder, FEATURES[:0], (16, 16, 3))


def test_attention_maps_and_a_callback():
    with pytest.raises(ValueError, match="Received: 0 images"):
        evaluation.attention_maps(METHODS["SimMIM"](), some_images(4)[:0])
    with pytest.raises(ValueError, match="Received: 0"):
        evaluation.SpaceCallback(some_images(4)[:0])
