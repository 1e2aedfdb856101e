import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_simmim.encoders import ViT, check_encoder


def small(**arguments):
    # One shape wherever it will do: JAX compiles every operation anew for a new shape.
    return ViT(**{"depth": 2, "width": 16, "num_heads": 2, **arguments})


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


def relative(**arguments):
    """With a table of biases that is not zero any more."""
    encoder = small(position="relative", **arguments)
    layer = encoder.relative_position_bias
    layer.set_weights([np.random.default_rng(1).normal(size=layer.table.shape)])
    return encoder


def test_life_of_a_layer():
    check_layer(small, images(2, 32, 32, 3), (2, 64, 16))


@pytest.mark.slow
@settings(max_examples=8)
@given(
    *(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    *(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from(["sincos", "relative"]),
)
def test_of_any_images_it_gives_the_promised_shape(
    batch, rows, columns, channels, patch, depth, heads, position
):
    shape = (rows * patch, columns * patch, channels)
    encoder = ViT(shape, patch, depth, width=4 * heads, num_heads=heads, position=position)
    x = images(batch, *shape)
    tokens = encoder.predict_on_batch(x)
    assert tokens.shape == (batch, rows * columns, 4 * heads)
    assert tokens.shape == encoder.compute_output_shape(x.shape)
    assert np.all(np.isfinite(tokens))
    np.testing.assert_allclose(encoder.predict_on_batch(x[::-1]), tokens[::-1], atol=1e-4)


def test_life_of_a_layer_with_relative_positions():
    check_layer(relative, images(2, 32, 32, 3), (2, 64, 16))


def test_number_of_parameters():
    width, hidden = 192, 768
    block = 4 * width + 4 * width * width + 4 * width + 2 * width * hidden + hidden + width
    expected = 48 * width + width + 6 * block + 2 * width
    assert ViT().count_params() == expected
    table = 3 * 15 * 15
    assert ViT(position="relative").count_params() == expected + table


def test_file_of_the_encoder_alone(tmp_path):
    encoder = small(std=[60.0, 61.0, 62.0], position="sincos")
    x = images(2, 32, 32, 3)
    encoder.save(tmp_path / "encoder.keras")
    again = keras.saving.load_model(tmp_path / "encoder.keras")
    assert again.get_config() == encoder.get_config()
    np.testing.assert_allclose(again.predict_on_batch(x), encoder.predict_on_batch(x), atol=1e-6)


def test_uint8_equals_float():
    encoder = small()
    x = images(2, 32, 32, 3)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(encoder(x)),
        keras.ops.convert_to_numpy(encoder(x.astype("float32"))),
    )


def test_image_size_may_vary():
    encoder = small(image_shape=(None, None, 3))
    fixed = small(image_shape=(40, 24, 3))
    fixed.set_weights(encoder.get_weights())
    assert encoder(images(2, 32, 32, 3)).shape == (2, 64, 16)
    x = images(2, 40, 24, 3)
    expected = keras.ops.convert_to_numpy(fixed(x))
    assert expected.shape == (2, 60, 16)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(encoder(x)), expected, atol=1e-6)
    np.testing.assert_allclose(encoder.predict_on_batch(x), expected, atol=1e-5)
    assert encoder.predict_on_batch(images(2, 32, 32, 3)).shape == (2, 64, 16)
    assert encoder.predict_on_batch(images(2, 28, 20, 3)).shape == (2, 35, 16)


def test_one_channel():
    encoder = small(image_shape=(32, 32, 1), mean=0.0, std=255.0)
    assert encoder(images(2, 32, 32, 1)).shape == (2, 64, 16)


def test_relative_positions_are_known_to_the_attention():
    """Blocks see where other tokens are: the mean over them depends on the table alone."""
    x = images(2, 32, 32, 3)
    encoder, unbiased = relative(), small(position="relative")
    zeros = unbiased.relative_position_bias.get_weights()
    unbiased.set_weights(encoder.get_weights())
    unbiased.relative_position_bias.set_weights(zeros)
    shuffled = x.reshape(2, 8, 4, 8, 4, 3)[:, ::-1].reshape(x.shape)  # rows of patches reversed

    def mean_token(model, pixels):
        return keras.ops.convert_to_numpy(model(pixels)).mean(1)

    same = mean_token(unbiased, x) - mean_token(unbiased, shuffled)
    other = mean_token(encoder, x) - mean_token(encoder, shuffled)
    assert np.abs(same).max() < 1e-5 < 1e-3 < np.abs(other).max()


def test_smaller_images_use_the_centre_of_the_table():
    encoder = relative()
    fixed = small(position="relative", image_shape=(24, 16, 3))
    weights = {weight.path.split("/", 1)[1]: weight for weight in encoder.weights}
    for weight in fixed.weights:
        value = keras.ops.convert_to_numpy(weights[weight.path.split("/", 1)[1]])
        if value.shape != tuple(weight.shape):
            value = value[2:-2, 4:-4]  # 15 x 15 to 11 x 7
        weight.assign(value)
    x = images(2, 24, 16, 3)
    expected = keras.ops.convert_to_numpy(fixed(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(encoder(x)), expected, atol=1e-6)
    np.testing.assert_allclose(encoder.predict_on_batch(x), expected, atol=1e-5)


def test_larger_images_than_the_table_is_for():
    encoder = relative()
    with pytest.raises(ValueError, match=r"at most \(32, 32\) pixels.*Received"):
        encoder(images(2, 36, 32, 3))
    with pytest.raises(ValueError, match=r"at most \(32, 32\) pixels.*Received"):
        check_encoder(encoder, (32, 36, 3))
    assert check_encoder(encoder, (32, 32, 3)) == (None, 64, 16)
    assert check_encoder(encoder, (24, 32, 3)) == (None, 48, 16)


class Masked(keras.Model):
    """Sees images through a mask, with a mask token of its own, as a method would."""

    def __init__(self, encoder, mask):
        super().__init__(autocast=False)
        self.encoder, self.mask = encoder, mask
        self.mask_token = self.add_weight(shape=(16,), initializer="ones", name="mask_token")
        self.built = True

    def call(self, images, training=False):
        return self.encoder(images, self.mask, self.mask_token, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(keras.ops.cast(y_pred, "float32") - 1))


def as_float32(x):
    return keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))


def random_mask():
    return np.random.default_rng(2).random((2, 8, 8)) < 0.6


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("make", [small, relative])
def test_mask(make, policy):
    x, mask = images(2, 32, 32, 3), random_mask()
    encoder, token = make(dtype=policy), np.ones(16, "float32")
    tokens = encoder(x, mask, token)
    assert tokens.shape == (2, 64, 16)
    assert keras.backend.standardize_dtype(tokens.dtype) == encoder.compute_dtype
    other = np.where(mask.repeat(4, 1).repeat(4, 2)[..., None], 255 - x, x)
    np.testing.assert_array_equal(as_float32(encoder(other, mask, token)), as_float32(tokens))
    assert np.abs(as_float32(encoder(x)) - as_float32(tokens)).max() > 0.1
    nothing = np.zeros(mask.shape, "bool")
    np.testing.assert_array_equal(as_float32(encoder(x, nothing, token)), as_float32(encoder(x)))
    model = Masked(encoder, mask)
    np.testing.assert_array_equal(as_float32(model(x)), as_float32(tokens))


@pytest.mark.parametrize("make", [small, relative])
def test_all_weights_learn_under_a_mask(make):
    model = Masked(make(), random_mask())
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    model.train_on_batch(images(2, 32, 32, 3))
    for old, weight in zip(before, model.trainable_variables, strict=True):
        assert np.abs(keras.ops.convert_to_numpy(weight) - old).max() > 0, weight.path


def test_mask_without_a_token():
    with pytest.raises(ValueError, match="give both"):
        small()(images(2, 32, 32, 3), random_mask())


def test_symbolic_mask():
    tokens = small()(
        keras.Input((32, 32, 3)),
        patch_mask=keras.Input((8, 8), dtype="bool"),
        mask_token=keras.Input(batch_shape=(16,)),
    )
    assert tokens.shape == (None, 64, 16)


@pytest.mark.parametrize("make", [small, relative])
def test_layer_outputs(make):
    encoder, x = make(depth=3), images(2, 32, 32, 3)
    first, second, last = (keras.ops.convert_to_numpy(y) for y in encoder.layer_outputs(x))
    np.testing.assert_array_equal(last, keras.ops.convert_to_numpy(encoder(x)))
    shallow = make(depth=1)
    before_norm = encoder.get_weights()[: len(shallow.weights) - 2]
    shallow.set_weights([*before_norm, *encoder.norm.get_weights()])
    normed = keras.ops.convert_to_numpy(encoder.norm(first))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(shallow(x)), normed, atol=1e-6)
    assert np.abs(second - first).max() > 0.1
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    model = keras.Model(inputs, encoder.layer_outputs(inputs))
    for got, expected in zip(model.predict_on_batch(x), (first, second, last), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_positions_break_the_symmetry_of_tokens():
    tokens = keras.ops.convert_to_numpy(small()(np.full((1, 32, 32, 3), 100, "uint8")))[0]
    distances = np.linalg.norm(tokens[:, None] - tokens[None], axis=-1)
    assert (distances + np.eye(64)).min() > 1e-3


@pytest.mark.parametrize("make", [small, relative])
def test_bfloat16_is_close_to_float32(make):
    x = images(2, 32, 32, 3) / np.float32(1.01)
    encoder = make()
    half = make(dtype="mixed_bfloat16")
    half.set_weights(encoder.get_weights())
    assert half.blocks[0].attention.projection.compute_dtype == "bfloat16"
    expected = keras.ops.convert_to_numpy(encoder(x))
    got = half(x)
    assert keras.backend.standardize_dtype(got.dtype) == "bfloat16"
    got = keras.ops.convert_to_numpy(keras.ops.cast(got, "float32"))
    assert np.linalg.norm(got - expected) < 0.05 * np.linalg.norm(expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {"patch_size": 0},
        {"patch_size": 5},
        {"depth": 1.5},
        {"width": 18},
        {"num_heads": 3},
        {"position": "learned"},
        {"position": "relative", "image_shape": (32, None, 3)},
        {"image_shape": (32, 32)},
        {"std": -1.0},
    ],
)
def test_bad_argument(arguments):
    with pytest.raises(ValueError, match="Received"):
        small(**arguments)


def test_image_that_patches_do_not_tile():
    with pytest.raises(ValueError, match=r"multiples of the patch size, 4.*Received"):
        small()(images(2, 30, 32, 3))
