import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled

from keras_simmim.encoders import Standardize


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


def test_life_of_a_layer():
    x = images(2, 6, 5, 3)
    check_layer(lambda: Standardize([1.0, 2.0, 3.0], 60.0), x, x.shape, tolerance=1e-6)


def test_formula_for_uint8_and_float():
    x = images(2, 6, 5, 3)
    mean, std = [100.0, 110.0, 120.0], [50.0, 60.0, 70.0]
    layer = Standardize(mean, std)
    expected = (x.astype("float64") - mean) / std
    got = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x.astype("float32"))), got)


@given(st.tuples(*[st.integers(1, 5)] * 4), st.floats(-10, 300), st.floats(0.5, 300), st.booleans())
def test_of_any_shape(shape, mean, std, per_channel):
    x = images(*shape)
    if per_channel:
        mean, std = [mean + c for c in range(shape[-1])], [std + c for c in range(shape[-1])]
    expected = (x - np.asarray(mean)) / std
    np.testing.assert_allclose(compiled(Standardize(mean, std))(x), expected, atol=1e-3, rtol=1e-5)


def test_numbers_fit_any_number_of_channels():
    layer = Standardize()
    for channels in (1, 3, 7):
        x = images(2, 6, 5, channels)
        got = keras.ops.convert_to_numpy(layer(x))
        np.testing.assert_allclose(got, (x - 127.5) / 64, atol=1e-6)


def test_bfloat16_rounds_after_it_normalises():
    # 128.25 and 127.75 are both 128 in bfloat16.
    x = np.array([128.25, 127.75], "float32").reshape(1, 1, 2, 1)
    got = Standardize(128.0, 1.0, dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(got.dtype) == "bfloat16"
    got = keras.ops.convert_to_numpy(keras.ops.cast(got, "float32"))
    np.testing.assert_array_equal(got.ravel(), [0.25, -0.25])


@pytest.mark.parametrize(
    "arguments",
    [{"std": 0}, {"std": [1.0, -1.0]}, {"mean": [[1.0]]}, {"mean": []}, {"mean": float("nan")}],
)
def test_bad_argument(arguments):
    with pytest.raises(ValueError, match="Received"):
        Standardize(**arguments)


def test_another_number_of_channels():
    with pytest.raises(ValueError, match=r"`mean` needs one number per channel.*Received"):
        Standardize(mean=[1.0, 2.0])(images(2, 6, 5, 3))
