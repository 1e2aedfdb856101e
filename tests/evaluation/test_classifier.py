import keras
import numpy as np
import pytest
from check_layer import check_layer
from keras import ops

from keras_simmim.evaluation import Classifier
from keras_simmim.views import ViewSplitter


def images(count=3):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), "uint8")


def encoder():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 64, offset=-2.0),
            keras.layers.Conv2D(6, 3),
            keras.layers.BatchNormalization(),
        ]
    )


def make():
    augmentation = ViewSplitter(num_views=1, jitter=0.0, grayscale=0.0, seed=0)
    return Classifier(encoder(), num_classes=5, augmentation=augmentation)


def test_layer():
    check_layer(make, images(), (3, 5), output_dtype="float32")


def test_saved_and_loaded(tmp_path):
    classifier = make()
    classifier(images())
    classifier.classifier.kernel.assign(np.random.default_rng(1).normal(size=(6, 5)))
    classifier.save(tmp_path / "classifier.keras")
    loaded = keras.saving.load_model(tmp_path / "classifier.keras")
    assert type(loaded) is Classifier and loaded.augmentation.num_views == 1
    np.testing.assert_allclose(loaded.predict(images()), classifier.predict(images()), atol=1e-5)


def test_images_are_augmented_in_training_alone():
    class Echo(keras.layers.Layer):
        def call(self, x, training=False):
            return ops.reshape(ops.cast(x, "float32"), (-1, 8 * 8 * 3))

    augmentation = ViewSplitter(num_views=1, crop_scale=(0.3, 0.5), jitter=0.0, seed=0)
    classifier = Classifier(Echo(), num_classes=192, augmentation=augmentation)
    classifier.build((None, 8, 8, 3))
    classifier.classifier.kernel.assign(np.eye(192))
    x = images()
    seen = ops.convert_to_numpy(classifier(x, training=False)).reshape(x.shape)
    np.testing.assert_allclose(seen, x)
    trained = [ops.convert_to_numpy(classifier(x, training=True)) for _ in range(2)]
    assert np.abs(trained[0].reshape(x.shape) - x).mean() > 5
    assert np.abs(trained[0] - trained[1]).mean() > 5
    assert trained[0].min() >= 0 and trained[0].max() <= 255


def test_bad_arguments():
    with pytest.raises(ValueError, match="`num_classes` must be a positive integer"):
        Classifier(encoder(), num_classes=0)
    with pytest.raises(ValueError, match="of one view.*Received: num_views=2"):
        Classifier(encoder(), num_classes=2, augmentation=ViewSplitter())
    with pytest.raises(ValueError, match="can't take images of shape"):
        Classifier(encoder(), num_classes=2).build((None, 8, 8, 1))
