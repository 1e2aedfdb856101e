import sys

import keras
import numpy as np
import pytest

from keras_simmim import SimMIM
from keras_simmim.encoders import Normalized, ResNet, ViT
from keras_simmim.evaluation import embed, linear_probe, probe_layers

pytest.importorskip("sklearn")


def data(count, seed):
    """Three classes, told apart by a channel that is somewhat brighter."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = rng.integers(0, 200, (count, 8, 8, 3)) + 30 * np.eye(3, dtype=int)[labels][:, None, None]
    return x.astype("uint8"), labels


@pytest.fixture(scope="module")
def sets():
    return *data(60, 0), *data(45, 1)


def expected(encoder, sets):
    train_images, train_y, test_images, test_y = sets
    return linear_probe(embed(encoder, train_images), train_y, embed(encoder, test_images), test_y)


def test_resnet_in_mixed_precision(sets):
    keras.config.set_dtype_policy("mixed_bfloat16")
    encoder = ResNet(depth=10, width=4, image_shape=(None, None, 3), stem="3x3")
    accuracies = probe_layers(encoder, *sets, batch_size=32)
    names = ["stem_relu", *(f"stage_{stage}_block_1_relu_2" for stage in (1, 2, 3, 4))]
    assert list(accuracies) == names
    # The encoder cut off after a layer is an encoder too.
    for name in (names[0], names[2], names[-1]):
        cut = keras.Model(encoder.input, encoder.get_layer(name).output)
        assert accuracies[name] == pytest.approx(expected(cut, sets), abs=0.05)
    assert max(accuracies.values()) > 0.5


def test_vit(sets):
    encoder = ViT(image_shape=(8, 8, 3), depth=3, width=8, num_heads=2, dropout=0.5)
    accuracies = probe_layers(encoder, *sets, c_values=(0.1,))
    assert list(accuracies) == ["block_1", "block_2", "block_3"]
    train_images, train_y, test_images, test_y = sets
    last = linear_probe(
        embed(encoder, train_images), train_y, embed(encoder, test_images), test_y, c_values=(0.1,)
    )
    assert accuracies["block_3"] == pytest.approx(last, abs=0.05)
    assert list(probe_layers(encoder, *sets, layers=["block_2"])) == ["block_2"]


def test_layers_by_name(sets):
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255, name="scale"),
            keras.layers.Conv2D(8, 3, name="conv"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    accuracies = probe_layers(encoder, *sets, layers=["dense", "scale"])
    assert list(accuracies) == ["scale", "dense"]
    pixels = [images.mean((1, 2)) for images in (sets[0], sets[2])]
    colours = linear_probe(pixels[0], sets[1], pixels[1], sets[3])
    assert accuracies["scale"] == pytest.approx(colours, abs=0.05)
    assert colours > 0.9
    assert list(probe_layers(encoder, *sets)) == ["flat", "dense"]


def test_an_encoder_of_normalised_images(sets):
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")], name="inner"
    )
    encoder = Normalized(inner, mean=127.5, std=64.0)
    accuracies = probe_layers(encoder, *sets)
    assert list(accuracies) == ["conv"]
    assert accuracies["conv"] == pytest.approx(expected(encoder, sets), abs=0.05)


def test_what_can_not_be_probed(sets, monkeypatch):
    class Opaque(keras.Model):
        def call(self, images, training=False):
            return images

        def compute_output_shape(self, shape):
            return shape

    with pytest.raises(ValueError, match="`layer_outputs.images.`.*Received: Opaque"):
        probe_layers(Opaque(), *sets)
    encoder = ResNet(depth=10, width=2, image_shape=(8, 8, 3))
    with pytest.raises(ValueError, match="such as .*stem_relu.*Received: layers=\\['top'\\]"):
        probe_layers(encoder, *sets, layers=["top"])
    with pytest.raises(ValueError, match="its `.encoder`. Received: SimMIM"):
        probe_layers(SimMIM(encoder), *sets)
    with pytest.raises(ValueError, match="`train_y` must hold an integer for each of the 60"):
        probe_layers(encoder, sets[0], sets[3], *sets[2:])
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match="keras-simmim.probe"):
        probe_layers(encoder, *sets)
