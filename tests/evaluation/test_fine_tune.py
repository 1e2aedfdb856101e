import keras
import numpy as np
import pytest
from keras import ops

from keras_simmim.encoders import ResNet, ViT
from keras_simmim.evaluation import Classifier, fine_tune
from keras_simmim.evaluation.fine_tune import _optimizer


def data(count, seed):
    """Three classes, told apart by their brightest channel."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = rng.integers(0, 150, (count, 8, 8, 3)) + 50 * np.eye(3, dtype=int)[labels][:, None, None]
    return x.astype("uint8"), labels


def encoder():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 64, offset=-2.0),
            keras.layers.Conv2D(8, 3, strides=2),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
        ]
    )


def values(model):
    return [ops.convert_to_numpy(v) for v in model.variables]


def test_it_learns_and_leaves_the_encoder_as_it_was():
    given = encoder()
    given.layers[1].trainable = False  # a frozen layer is the user's business
    before = values(given)
    train, test = data(90, 0), data(60, 1)
    accuracy, classifier = fine_tune(
        given, *train, *test, epochs=12, batch_size=16, learning_rate=1e-2
    )
    assert accuracy > 0.9
    assert accuracy == np.mean(classifier.predict(test[0], verbose=0).argmax(axis=1) == test[1])
    for old, new in zip(before, values(given), strict=True):
        np.testing.assert_array_equal(old, new)
    # All of the copy was trained: kernel, bias, gamma, beta and the statistics.
    assert len(classifier.trainable_variables) == 6
    for old, new in zip(before, values(classifier.encoder), strict=True):
        assert np.abs(old - new).max() > 1e-4
    assert not given.layers[1].trainable


def test_it_starts_from_the_weights_given():
    given = encoder()
    tuned = fine_tune(given, *data(30, 0), *data(9, 1), epochs=1, learning_rate=1e-9)
    copy = tuned.classifier.encoder
    # Without the statistics of batch norm, which move at once.
    for old, new in zip(given.trainable_variables, copy.trainable_variables, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(old), ops.convert_to_numpy(new), atol=1e-6)


def test_the_seed_decides():
    def run(seed):
        keras.utils.set_random_seed(7)
        return fine_tune(encoder(), *data(40, 0), *data(9, 1), epochs=1, batch_size=8, seed=seed)

    first, again, other = (values(run(seed).classifier) for seed in (0, 0, 1))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("fraction, images_seen", [(1.0, 60), (0.1, 6), (0.001, 3)])
def test_few_labels(monkeypatch, fraction, images_seen):
    seen = []
    fit = keras.Model.fit

    def record(self, batches, **kwargs):
        x, y = batches[0]
        seen.append((len(batches.images), len(x), np.unique(batches.labels).tolist()))
        return fit(self, batches, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", record)
    fine_tune(encoder(), *data(60, 0), *data(9, 1), fraction=fraction, epochs=1, batch_size=32)
    assert seen == [(images_seen, min(32, images_seen), [0, 1, 2])]


def test_weight_decay_and_learning_rate():
    vit = ViT(image_shape=(8, 8, 3), depth=1, width=8, num_heads=2, position="relative")
    classifier = Classifier(vit, num_classes=3)
    classifier.build((None, 8, 8, 3))
    optimizer = _optimizer(classifier, 1e-2, weight_decay=0.1, steps=25)
    decayed = [v.path for v in classifier.trainable_variables if optimizer._use_weight_decay(v)]
    assert all(path.endswith("kernel") for path in decayed), decayed
    assert len(decayed) == 6  # patches, attention (2), MLP (2), classifier
    assert optimizer.weight_decay == 0.1
    rates = [float(optimizer._learning_rate(step)) for step in range(26)]
    assert rates[0] == 0 and np.argmax(rates) == 2 and rates[25] == pytest.approx(0, abs=1e-6)
    assert max(rates) == pytest.approx(1e-2) and np.all(np.diff(rates[2:]) < 0)


def test_our_encoder_in_mixed_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    resnet = ResNet(depth=10, width=2, image_shape=(8, 8, 3))
    resnet.trainable = False
    train, test = data(16, 0), data(6, 1)
    accuracy, classifier = fine_tune(resnet, *train, *test, epochs=1, batch_size=8)
    assert 0 <= accuracy <= 1
    assert len(classifier.encoder.trainable_variables) > 10
    classifier.save(tmp_path / "classifier.keras")
    loaded = keras.saving.load_model(tmp_path / "classifier.keras")
    expected = classifier.predict(test[0], verbose=0)
    np.testing.assert_allclose(loaded.predict(test[0], verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"fraction": 0.0}, "above 0 and of at most 1. Received: fraction=0.0"),
        ({"epochs": 0}, "`epochs` must be a positive integer"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
        ({"train_y": np.zeros(4, int)}, "`train_y` must hold an integer for each of the 6 images"),
        (
            {"train_y": np.array([0, 1, 2, 2**40, 1, 2])},
            "classes from 0 on.*4 different",
        ),
        ({"train_y": np.arange(6) * 9 * 10**8}, "return_inverse.*6 different labels up to 45"),
        ({"test_y": np.zeros(6)}, "`test_y` must hold an integer"),
        ({"test_images": data(0, 0)[0], "test_y": data(0, 0)[1]}, "images to train on and to test"),
        ({"encoder": "resnet"}, "must be a `keras.Model`"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {
        "encoder": encoder(),
        "train_images": data(6, 0)[0],
        "train_y": data(6, 0)[1],
        "test_images": data(6, 1)[0],
        "test_y": data(6, 1)[1],
    }
    with pytest.raises(ValueError, match=message):
        fine_tune(**{**arguments, **change})


def test_images_are_refused_before_anything_is_trained(monkeypatch):
    (train, train_y), (test, test_y) = data(9, 0), data(6, 1)
    monkeypatch.setattr(keras.Model, "fit", None)
    for wrong in ((train / 255, test), (train, test / 255)):
        with pytest.raises(ValueError, match="multiply them by 255"):
            fine_tune(encoder(), wrong[0], train_y, wrong[1], test_y)
