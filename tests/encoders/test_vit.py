import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders import ViT


def small(**arguments):
    # One shape wherever it will do: JAX compiles every operation anew for a new shape.
    return ViT(**{"depth": 2, "width": 16, "num_heads": 2, **arguments})


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


def test_life_of_a_layer():
    check_layer(small, images(2, 32, 32, 3), (2, 64, 16))


def test_number_of_parameters():
    width, hidden = 192, 768
    block = 4 * width + 4 * width * width + 4 * width + 2 * width * hidden + hidden + width
    expected = 48 * width + width + 6 * block + 2 * width
    assert ViT().count_params() == expected


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


def test_positions_break_the_symmetry_of_tokens():
    tokens = keras.ops.convert_to_numpy(small()(np.full((1, 32, 32, 3), 100, "uint8")))[0]
    distances = np.linalg.norm(tokens[:, None] - tokens[None], axis=-1)
    assert (distances + np.eye(64)).min() > 1e-3


def test_bfloat16_is_close_to_float32():
    x = images(2, 32, 32, 3) / np.float32(1.01)
    encoder = small()
    half = small(dtype="mixed_bfloat16")
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
