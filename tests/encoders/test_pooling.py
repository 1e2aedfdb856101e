import keras
import numpy as np
import pytest

from keras_simmim.encoders import flatten_positions, pool

FEATURES = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")


def test_pool_averages_positions():
    expected = np.zeros((2, 5))
    for row in range(3):
        for column in range(4):
            expected += FEATURES[:, row, column] / 12
    for features in (FEATURES, FEATURES.reshape(2, 12, 5)):
        got = keras.ops.convert_to_numpy(pool(keras.ops.convert_to_tensor(features)))
        np.testing.assert_allclose(got, expected, atol=1e-6)
    vector = FEATURES[:, 0, 0]
    got = keras.ops.convert_to_numpy(pool(keras.ops.convert_to_tensor(vector)))
    np.testing.assert_array_equal(got, vector)


def test_pool_sums_bfloat16_in_float32():
    # In bfloat16 the sum would stop growing at 256.
    features = keras.ops.ones((1, 64, 64, 1), dtype="bfloat16")
    got = pool(features)
    assert keras.backend.standardize_dtype(got.dtype) == "float32"
    assert float(keras.ops.convert_to_numpy(got)[0, 0]) == 1.0


def test_flatten_positions_goes_row_by_row():
    got = keras.ops.convert_to_numpy(flatten_positions(keras.ops.convert_to_tensor(FEATURES)))
    assert got.shape == (2, 12, 5)
    for row in range(3):
        for column in range(4):
            np.testing.assert_array_equal(got[:, row * 4 + column], FEATURES[:, row, column])
    tokens = keras.ops.convert_to_tensor(FEATURES[0])
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(flatten_positions(tokens)), FEATURES[0]
    )
    vector = keras.ops.convert_to_tensor(FEATURES[0, 0])
    assert flatten_positions(vector).shape == (4, 1, 5)


def test_unknown_sizes():
    assert flatten_positions(keras.Input((3, 4, 5))).shape == (None, 12, 5)
    assert flatten_positions(keras.Input((None, None, 5))).shape == (None, None, 5)
    assert pool(keras.Input((None, None, 5))).shape == (None, 5)


@pytest.mark.parametrize("function", [pool, flatten_positions])
@pytest.mark.parametrize("shape", [(2,), (2, 3, 4, 5, 6)])
def test_other_rank(function, shape):
    with pytest.raises(ValueError, match="Received: shape"):
        function(keras.ops.zeros(shape))
