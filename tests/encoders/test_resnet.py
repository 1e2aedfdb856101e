import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_simmim.encoders import ResNet


def small(**arguments):
    # One shape wherever it will do: JAX compiles every operation anew for a new shape.
    return ResNet(**{"width": 4, "stem": "3x3/2", **arguments})


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


@pytest.mark.parametrize(
    "stem, output_shape",
    [("3x3", (2, 4, 4, 16)), ("3x3/2", (2, 2, 2, 16)), ("7x7/4", (2, 1, 1, 16))],
)
def test_stem_sets_the_size_of_the_map(stem, output_shape):
    encoder = ResNet(width=2, stem=stem)
    assert encoder.compute_output_shape((2, 32, 32, 3)) == output_shape
    assert encoder.predict_on_batch(images(2, 32, 32, 3)).shape == output_shape


@pytest.mark.slow
@settings(max_examples=8)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40), st.integers(1, 4)),
    st.sampled_from(["3x3", "3x3/2", "7x7/4"]),
)
def test_of_any_images_it_gives_the_promised_shape(shape, stem):
    encoder = ResNet(depth=10, width=2, stem=stem, image_shape=(None, None, shape[3]))
    x = images(*shape)
    features = encoder.predict_on_batch(x)
    assert features.shape == encoder.compute_output_shape(shape)
    assert features.shape[0] == shape[0] and features.shape[3] == 16
    assert np.all(np.isfinite(features))
    np.testing.assert_allclose(encoder.predict_on_batch(x[::-1]), features[::-1], atol=1e-4)


@pytest.mark.parametrize(
    "image_shape, output_shape",
    [
        ((32, 32, 3), (None, 4, 4, 16)),
        ((63, 63, 3), (None, 8, 8, 16)),
        ((64, 64, 3), (None, 2, 2, 16)),
        ((40, 100, 3), (None, 5, 13, 16)),
        ((224, 224, 1), (None, 7, 7, 16)),
        ((None, None, 3), (None, None, None, 16)),
    ],
)
def test_auto_stem_depends_on_the_image_size(image_shape, output_shape):
    assert ResNet(width=2, image_shape=image_shape).output_shape == output_shape


def test_life_of_a_layer():
    check_layer(small, images(2, 32, 32, 3), (2, 2, 2, 32), tolerance=1e-4)


def number_of_parameters(blocks, width):
    count = 3 * 3 * 3 * width + 2 * width
    channels = width
    for stage, num_blocks in enumerate(blocks):
        filters = width * 2**stage
        for _ in range(num_blocks):
            count += 9 * channels * filters + 9 * filters * filters + 4 * filters
            if channels != filters:
                count += channels * filters + 2 * filters
            channels = filters
    return count


@pytest.mark.parametrize(
    "depth, blocks", [(10, (1, 1, 1, 1)), (18, (2, 2, 2, 2)), (34, (3, 4, 6, 3))]
)
def test_number_of_parameters(depth, blocks):
    encoder = small(depth=depth)
    trainable = sum(int(np.prod(weight.shape)) for weight in encoder.trainable_weights)
    assert trainable == number_of_parameters(blocks, width=4)


def test_number_of_parameters_is_that_of_the_literature():
    # CIFAR ResNet-18 of width 64 without its classifier, and torchvision's resnet34 without its
    # own, whose stem is 7x7.
    assert number_of_parameters((2, 2, 2, 2), width=64) == 11_173_962 - 5_130
    stems = (7 * 7 - 3 * 3) * 3 * 64
    assert number_of_parameters((3, 4, 6, 3), width=64) + stems == 21_797_672 - 513_000


def test_uint8_equals_float():
    encoder = small()
    x = images(2, 32, 32, 3)
    from_uint8 = keras.ops.convert_to_numpy(encoder(x))
    from_float = keras.ops.convert_to_numpy(encoder(x.astype("float32")))
    np.testing.assert_array_equal(from_uint8, from_float)
    # Compiled with compiled, as fused operations round otherwise.
    compiled = [encoder.predict_on_batch(images) for images in (x, x.astype("float32"))]
    np.testing.assert_allclose(*compiled, rtol=1e-7, atol=1e-5)


def test_normalises_inside():
    plain = small(mean=0.0, std=1.0)
    encoder = small(mean=[100.0, 110.0, 120.0], std=[50.0, 60.0, 70.0])
    encoder.set_weights(plain.get_weights())
    x = images(2, 32, 32, 3)
    expected = plain((x.astype("float32") - [100, 110, 120]) / [50, 60, 70])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(encoder(x)), keras.ops.convert_to_numpy(expected), atol=1e-4
    )


def test_image_size_may_vary():
    encoder = small(image_shape=(None, None, 3))
    fixed = small(image_shape=(40, 24, 3))
    fixed.set_weights(encoder.get_weights())
    assert encoder(images(2, 32, 32, 3)).shape == (2, 2, 2, 32)
    x = images(2, 40, 24, 3)
    np.testing.assert_allclose(encoder.predict_on_batch(x), fixed.predict_on_batch(x), atol=1e-5)


def test_one_channel_and_many():
    for channels in (1, 7):
        encoder = small(image_shape=(32, 32, channels))
        assert encoder(images(2, 32, 32, channels)).shape == (2, 2, 2, 32)


# In training, the statistics of few activations amplify the rounding.
@pytest.mark.parametrize("training, tolerance", [(False, 0.03), (True, 0.1)])
def test_bfloat16_is_close_to_float32(training, tolerance):
    x = images(2, 32, 32, 3) / np.float32(1.01)
    encoder = small()
    half = small(dtype="mixed_bfloat16")
    half.set_weights(encoder.get_weights())
    expected = keras.ops.convert_to_numpy(encoder(x, training=training))
    got = half(x, training=training)
    assert keras.backend.standardize_dtype(got.dtype) == "bfloat16"
    got = keras.ops.convert_to_numpy(keras.ops.cast(got, "float32"))
    assert np.linalg.norm(got - expected) < tolerance * np.linalg.norm(expected)


def test_dtype_policy_reaches_every_layer():
    half = small(dtype="mixed_bfloat16")
    for encoder in (half, ResNet.from_config(half.get_config())):
        assert encoder.compute_dtype == "bfloat16"
        assert {layer.compute_dtype for layer in encoder.layers[1:]} == {"bfloat16"}
        assert {weight.dtype for weight in encoder.weights} == {"float32"}


def test_file_of_the_encoder_alone(tmp_path):
    encoder = small(std=[60.0, 61.0, 62.0])
    x = images(2, 32, 32, 3)
    encoder(x, training=True)  # moves the statistics of batch norm
    encoder.save(tmp_path / "encoder.keras")
    again = keras.saving.load_model(tmp_path / "encoder.keras")
    assert isinstance(again, ResNet)
    assert again.get_config() == encoder.get_config()
    np.testing.assert_allclose(
        again.predict_on_batch(x), encoder.predict_on_batch(x), atol=1e-6, rtol=1e-6
    )


def test_zero_init_residual_starts_each_block_as_the_identity():
    encoder = small(zero_init_residual=True)
    stem = keras.Model(encoder.input, encoder.get_layer("stem_relu").output)
    stage = keras.Model(encoder.input, encoder.get_layer("stage_1_block_2_relu_2").output)
    x = images(2, 32, 32, 3)
    np.testing.assert_allclose(stage.predict_on_batch(x), stem.predict_on_batch(x), atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 50},
        {"width": 0},
        {"width": 2.5},
        {"stem": "5x5"},
        {"image_shape": (32, 32)},
        {"image_shape": (32, 32, None)},
        {"image_shape": 32},
        {"std": 0.0},
        {"mean": [1.0, 2.0]},
    ],
)
def test_bad_argument(arguments):
    with pytest.raises(ValueError, match="Received"):
        small(**arguments)


def test_the_ends_of_stages():
    encoder = ResNet(18, 2, (16, 16, 3))
    shapes = [encoder.get_layer(encoder.stage_end(stage)).output.shape for stage in range(1, 5)]
    assert [tuple(shape[1:]) for shape in shapes] == [
        (16, 16, 2),
        (8, 8, 4),
        (4, 4, 8),
        (2, 2, 16),
    ]
    with pytest.raises(ValueError, match="from 1 to 4. Received: stage=5"):
        encoder.stage_end(5)
