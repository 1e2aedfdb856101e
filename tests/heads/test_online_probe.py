import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, normal, seeds

from keras_simmim.heads import OnlineProbe


def test_layer_contract():
    features = np.random.default_rng(0).normal(size=(4, 2, 6)).astype("float32")
    check_layer(lambda: OnlineProbe(3), features, (4, 2, 3), output_dtype="float32")


def test_loss_is_the_cross_entropy_of_every_view():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(5, 3, 4)).astype("float32"), np.array([0, 2, 1, 1, 0])
    probe = OnlineProbe(3)
    logits = keras.ops.convert_to_numpy(probe(features)).astype("float64")
    losses, right = [], []
    for image, view in np.ndindex(5, 3):
        scores = np.exp(logits[image, view])
        losses.append(-np.log(scores[labels[image]] / scores.sum()))
        right.append(scores.argmax() == labels[image])
    assert float(probe.loss_of(features, labels)) == pytest.approx(np.mean(losses), rel=1e-5)
    assert float(probe.accuracy.result()) == pytest.approx(np.mean(right))


@given(st.tuples(*[st.integers(1, 4)] * 3), st.integers(1, 5), st.floats(0.5, 1000.0), seeds)
def test_logits_do_not_depend_on_the_scale_of_the_features(shape, num_classes, scale, seed):
    features = 10 * normal((*shape[:2], shape[2] + 3), seed)
    probe = OnlineProbe(num_classes)
    probe.build(features.shape)
    classify = compiled(probe)
    logits = classify(features)
    assert logits.shape == probe.compute_output_shape(features.shape)
    assert logits.shape == (*shape[:2], num_classes)
    np.testing.assert_allclose(classify((scale * features).astype("float32")), logits, atol=0.01)


def test_rejects_no_classes():
    with pytest.raises(ValueError, match="num_classes=0"):
        OnlineProbe(0)


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.arange(10), "made for labels 0...2.*with labels 0...9"),
        (np.array([0, -1]), "with labels -1...0"),
        (np.array([0.7, 1.0]), "an integer label for each image"),
        (np.eye(3, dtype=int), "of one-hot labels `labels.argmax"),
        (np.array(["cat", "dog"]), "an integer label for each image"),
    ],
)
def test_rejects_labels_that_are_no_classes(labels, message):
    with pytest.raises(ValueError, match=message):
        OnlineProbe(3).check_labels(labels)


def test_takes_labels_in_a_row_or_a_column():
    for labels in (np.arange(3), np.arange(3, dtype="uint8")[:, None], [0, 9], None):
        OnlineProbe(3).check_labels(labels)
