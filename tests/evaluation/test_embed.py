import keras
import numpy as np
import pytest
from keras import ops

from keras_simmim.datasets import ArrayBatches
from keras_simmim.evaluation import embed


def images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 6, 3), "uint8")


def encoder(output):
    """An encoder whose features are known: pixels / 255, with noise in training."""
    inputs = keras.Input((8, 6, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.GaussianNoise(1.0)(x)
    if output == "tokens":
        x = keras.layers.Reshape((48, 3))(x)
    elif output == "vector":
        x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("output", ["map", "tokens", "vector"])
@pytest.mark.parametrize("count", [1, 4, 11])
def test_features_of_any_shape(output, count):
    x = images(count)
    features = embed(encoder(output), x, batch_size=4)
    assert features.shape == (count, 3) and features.dtype == "float32"
    np.testing.assert_allclose(features, x.mean((1, 2)) / 255, atol=1e-6)


def test_sources():
    x = images(11)
    model = encoder("map")
    expected = embed(model, x, batch_size=4)
    labels = np.zeros(11, int)
    dataset = ArrayBatches(x, labels, batch_size=4, shuffle=False, drop_last=False)
    sources = {
        "py dataset": dataset,
        "generator of images": (x[i : i + 3] for i in range(0, 11, 3)),
        "list of pairs": [(x[:2], labels[:2]), (x[2:], labels[2:])],
        "empty batch at the end": [x, x[:0]],
        "tensors": [ops.convert_to_tensor(x)],
        "view": x[::-1],
    }
    for name, source in sources.items():
        features = embed(model, source, batch_size=5)
        features = features[::-1] if name == "view" else features
        np.testing.assert_allclose(features, expected, atol=1e-6, err_msg=name)


def test_tf_data():
    tf = pytest.importorskip("tensorflow")
    x = images(11)
    dataset = tf.data.Dataset.from_tensor_slices((x, np.zeros(11))).batch(4)
    model = encoder("map")
    np.testing.assert_allclose(embed(model, dataset), embed(model, x), atol=1e-6)


def test_a_layer_is_an_encoder():
    class Shift(keras.layers.Layer):
        def call(self, x):
            return ops.cast(x, "float32") + 1

    x = images(5)
    np.testing.assert_allclose(embed(Shift(), x, 2), x.mean((1, 2)) + 1, rtol=1e-5)


def test_bfloat16_features_are_averaged_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    x = np.full((3, 8, 6, 3), 255, "uint8")
    x[:, 0, 0] = 0
    features = embed(encoder("map"), x, batch_size=2)
    assert features.dtype == "float32"
    np.testing.assert_allclose(features, 47 / 48, atol=1e-6)  # bfloat16 has steps of 1/256


def test_batches_are_uint8_and_of_one_size():
    shapes = []

    class Watch(keras.Model):
        def call(self, x, training=False):
            return ops.mean(ops.cast(x, "float32"), axis=(1, 2))

        def predict_on_batch(self, x):
            shapes.append((x.shape[0], str(x.dtype)))
            return super().predict_on_batch(x)

    embed(Watch(), images(11), batch_size=4)
    assert shapes == [(4, "uint8")] * 3


def test_features_do_not_depend_on_the_batch():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 6, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
    )
    x = images(7)
    np.testing.assert_allclose(embed(model, x, 2), embed(model, x, 100), rtol=1e-5, atol=1e-4)


def test_nothing_to_embed():
    with pytest.raises(ValueError, match="no images"):
        embed(encoder("map"), images(0))
    with pytest.raises(ValueError, match="`batch_size` must be at least 1. Received: 0"):
        embed(encoder("map"), images(3), batch_size=0)

    class Endless(keras.utils.PyDataset):
        num_batches = None

    with pytest.raises(ValueError, match="no end"):
        embed(encoder("map"), Endless())
