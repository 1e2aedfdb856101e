import keras
import numpy as np
import pytest
from keras import layers, ops
from small_methods import METHODS

from keras_simmim.encoders import (
    BatchNorm,
    ChannelsFirst,
    Normalized,
    ResNet,
    ViT,
    check_encoder,
    pool,
)


class Tokens(keras.Model):
    """Attention over patches, subclassed, without a `build` of its own."""

    def __init__(self):
        super().__init__()
        self.patches = layers.Conv2D(8, 4, strides=4)
        self.flatten = layers.Reshape((-1, 8))
        self.attention = layers.MultiHeadAttention(2, 4)

    def call(self, images):
        tokens = self.flatten(self.patches(images))
        return self.attention(tokens, tokens)


def to_map():
    return keras.Sequential([layers.Conv2D(6, 3, strides=2), layers.ReLU()])


def to_vector():
    return keras.Sequential([layers.Conv2D(6, 3, strides=2), layers.GlobalAveragePooling2D()])


@pytest.mark.parametrize(
    "make, shape",
    [
        (to_map, (None, 7, 5, 6)),
        (to_vector, (None, 6)),
        (Tokens, (None, 12, 8)),
        (layers.Flatten, (None, 16 * 12 * 3)),
    ],
)
def test_any_encoder(make, shape):
    encoder = make()
    assert check_encoder(encoder, (16, 12, 3)) == shape
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 12, 3)).astype("float32")
    features = encoder(images)
    assert tuple(features.shape) == (2, *shape[1:])
    expected = keras.ops.convert_to_numpy(features).reshape(2, -1, shape[-1]).mean(1)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(pool(features)), expected, atol=1e-3, rtol=1e-5
    )


def test_our_encoders():
    assert check_encoder(ResNet(width=2), (32, 32, 3)) == (None, 4, 4, 16)
    unknown_size = ResNet(width=2, image_shape=(None, None, 3), stem="3x3")
    assert check_encoder(unknown_size, (16, 12, 3)) == (None, 2, 2, 16)
    assert check_encoder(ViT(depth=1, width=8, num_heads=2), (16, 12, 3)) == (None, 12, 8)


def test_builds_the_encoder():
    encoder = Tokens()
    check_encoder(encoder, (16, 12, 3))
    assert len(encoder.weights) == 10


def test_unknown_size():
    assert check_encoder(to_map(), (None, None, 3)) == (None, None, None, 6)


def two_outputs(structure):
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3)(inputs)
    return keras.Model(inputs, structure(x, layers.Conv2D(5, 3)(x)))


def channels_first():
    inputs = keras.Input((3, 16, 16))
    return keras.Model(inputs, layers.Conv2D(4, 3, data_format="channels_first")(inputs))


class UnwrappedConv(layers.Layer):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3, padding="same", data_format="channels_first")

    def call(self, images):
        return self.conv(images)


class UnknownChannels(layers.Layer):
    def call(self, images):
        return images

    def compute_output_shape(self, images_shape):
        return (images_shape[0], None)


class Features(keras.layers.Layer):
    """A convolution, and what a function makes of its map."""

    def __init__(self, function):
        super().__init__(name="own")
        self.function = function
        self.conv = layers.Conv2D(6, 3, strides=2)

    def call(self, images, training=False):
        return self.function(self.conv(images), training)


def made_of_the_map(function):
    return lambda: Features(lambda x, training: function(x))


def in_training(function):
    return lambda: Features(lambda x, training: function(x) if training else x)


def fails(x):
    raise RuntimeError("out of order")


def two_inputs():
    inputs = [keras.Input((16, 16, 3)), keras.Input((16, 16, 3))]
    return keras.Model(inputs, layers.Conv2D(4, 3)(layers.Add()(inputs)))


def for_four_images():
    inputs = keras.Input(batch_shape=(4, 16, 16, 3))
    return keras.Model(inputs, ops.reshape(layers.Conv2D(4, 3)(inputs), (4, -1, 4)))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: "resnet18", "must be a `keras.Model`"),
        (lambda: ResNet, r"Make one of this class: ResNet\(\.\.\.\)"),
        (lambda: lambda images: images, "`call` method"),
        (lambda: ResNet(width=2, image_shape=(32, 32, 3)), r"it has \(32, 32, 3\) now"),
        (lambda: ResNet(width=2, image_shape=(16, 16, 1)), r"it has \(16, 16, 1\) now"),
        (lambda: ViT(depth=1, width=8, num_heads=2, patch_size=32), "multiples of the patch size"),
        (lambda: layers.Conv2D(4, 17), "can't take"),
        (lambda: two_outputs(lambda a, b: [a, b]), r"encoder\.output\[-1\]"),
        (lambda: two_outputs(lambda a, b: {"low": a, "high": b}), r"feature_map\(encoder, 'low'\)"),
        (lambda: keras.Sequential([layers.Reshape((4, 4, 4, 12))]), "Reshape"),
        (UnknownChannels, "last dimension"),
        (channels_first, r"Wrap it: `keras_simmim\.encoders\.ChannelsFirst"),
        (UnwrappedConv, "is channels_first"),
        (lambda: keras.Sequential([UnwrappedConv()]), "is channels_first"),
        (lambda: Normalized(UnwrappedConv(), 0.0, 1.0), "is channels_first"),
        (METHODS["SimMIM"], r"its `\.encoder`"),
        (two_inputs, "It takes 2 inputs: make a model of the images alone"),
        (for_four_images, r"\(4, 147, 4\) for 3 images"),
        (lambda: keras.Sequential([]), "no layers"),
        (made_of_the_map(lambda x: {"map": x}), "Let its `call` return one"),
        (made_of_the_map(lambda x: (x, x)), "Let its `call` return one"),
        (made_of_the_map(lambda x: None), "can't take|must return one tensor.*Received: None"),
        (made_of_the_map(fails), "out of order$"),
        (made_of_the_map(ops.mean), r"features of shape \(\)"),
        (made_of_the_map(lambda x: x[:, None]), r"features of shape \(None, 1, 7, 7, 6\)"),
        (made_of_the_map(lambda x: x[:, :0]), r"leaves nothing of images .*\(None, 0, 7, 6\)"),
        (made_of_the_map(lambda x: ops.cast(x, "int32")), "must be floats.*dtype int32"),
        (made_of_the_map(lambda x: x > 0), "must be floats.*dtype bool"),
        (made_of_the_map(lambda x: ops.reshape(x, (-1, 6))), r"\(147, 6\) for 3 images"),
        (made_of_the_map(lambda x: x[:1]), r"\(1, 7, 7, 6\) for 3 images"),
        (in_training(lambda x: (x, x)), "one tensor, in training as otherwise"),
        (in_training(lambda x: ops.mean(x, axis=(1, 2))), r"\(6,\) in training, \(7, 7, 6\) other"),
        (in_training(fails), "in training.*out of order$"),
    ],
)
def test_unusable_encoder(make, message):
    encoder = make()
    with pytest.raises(ValueError, match=message) as caught:
        check_encoder(encoder, (16, 16, 3))
    assert "Received" in str(caught.value)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_features_of_any_float(dtype):
    encoder = Features(lambda x, training: ops.cast(x, dtype))
    assert check_encoder(encoder, (16, 16, 3)) == (None, 7, 7, 6)


def test_a_look_at_training_changes_nothing():
    encoder = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization(), BatchNorm()])
    encoder.add(layers.Dropout(0.5, seed=1))
    check_encoder(encoder, (16, 16, 3))
    before = [keras.ops.convert_to_numpy(v) for v in encoder.variables]
    check_encoder(encoder, (16, 16, 3))
    for variable, value in zip(encoder.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_channels_first_inside_an_adapter():
    encoder = Normalized(ChannelsFirst(channels_first()), 0.0, 1.0)
    assert check_encoder(encoder, (16, 16, 3)) == (None, 14, 14, 4)


def test_channels_first_that_transposes_by_itself():
    inputs = keras.Input((16, 16, 3))
    for transpose in (layers.Permute((3, 1, 2)), lambda x: keras.ops.transpose(x, (0, 3, 1, 2))):
        x = layers.Conv2D(4, 3, data_format="channels_first")(transpose(inputs))
        encoder = keras.Model(inputs, layers.Permute((2, 3, 1))(x))
        assert check_encoder(encoder, (16, 16, 3)) == (None, 14, 14, 4)


def test_image_shape():
    with pytest.raises(ValueError, match="image_shape"):
        check_encoder(to_map(), (16, 16))
