"""What Keras calls on any model, on our encoders and on what they wrap."""

import copy

import keras
import numpy as np
import pytest
from keras_calls import check_export, check_keras_calls

from keras_simmim.encoders import ChannelsFirst, Normalized, ResNet, ViT, feature_map

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("float32")


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.layers.Layer):
    """It does not know its images before it is built."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, images):
        return self.dense(images)


def resnet(**arguments):
    return ResNet(10, 2, (16, 16, 3), **arguments)


def vit(**arguments):
    sizes = {"patch_size": 4, "depth": 2, "width": 8, "num_heads": 2}
    return ViT((16, 16, 3), **{**sizes, **arguments})


def channels_first():
    images = keras.Input((3, 16, 16))
    tokens = keras.layers.Reshape((64, 12))(images)
    return ChannelsFirst(keras.Model(images, keras.layers.Dense(4)(tokens)))


ENCODERS = {
    "resnet": resnet,
    "resnet-7x7": lambda: resnet(stem="7x7/4", zero_init_residual=True),
    "vit": vit,
    "vit-relative": lambda: vit(position="relative", dropout=0.1),
    "normalized": lambda: Normalized(resnet(), 0.0, 1.0),
    "normalized-vit": lambda: Normalized(vit(), 0.0, 1.0),
    "channels-first": channels_first,
    "normalized-channels-first": lambda: Normalized(channels_first(), 127.5, 64.0),
    "feature-map": lambda: feature_map(resnet(), resnet().stage_end(3)),
    "feature-map-of-vit": lambda: feature_map(vit(), "block_1"),
}


def made(name):
    return ENCODERS[name]()


@pytest.mark.parametrize("name", ENCODERS)
def test_what_keras_calls_on_any_model(name):
    check_keras_calls(made(name), IMAGES)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_keras_calls_after_loading(name, tmp_path):
    model = made(name)
    model.save(tmp_path / "model.keras")
    check_keras_calls(keras.saving.load_model(tmp_path / "model.keras"), IMAGES)


@pytest.mark.parametrize("name", ["resnet", "vit", "vit-relative", "normalized", "channels-first"])
def test_export(name, tmp_path):
    check_export(made(name), IMAGES, tmp_path)


def test_a_wrapper_knows_its_images_as_its_encoder_does():
    for name in ("normalized", "channels-first", "normalized-channels-first"):
        assert made(name).input_shape == (None, 16, 16, 3)
        assert made(name).built
    assert not Normalized(Subclassed(), 0.0, 1.0).built
    assert not ChannelsFirst(Subclassed()).built


@pytest.mark.parametrize("wrap", [lambda x: Normalized(x, 127.5, 64.0), ChannelsFirst])
@pytest.mark.filterwarnings("ignore:`build")
def test_copies_of_a_wrapper_have_the_weights_of_a_layer_without_a_build(wrap, tmp_path):
    """Keras marks such a layer as built when it loads it, though what is inside has no weights."""
    model = wrap(Subclassed())
    model.build((None, 16, 16, 16))
    model.save(tmp_path / "model.keras")
    images = np.repeat(IMAGES, 6, axis=-1)[..., :16]
    expected = keras.ops.convert_to_numpy(model(images))
    for again in (copy.deepcopy(model), keras.saving.load_model(tmp_path / "model.keras")):
        assert len(again.weights) == 2
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(again(images)), expected)
