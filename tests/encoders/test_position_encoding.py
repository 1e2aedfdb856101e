import math

import keras
import numpy as np

from keras_simmim.encoders.position_encoding import sincos_positions


def naive(height, width, channels):
    """From the formula, in float64, one number at a time."""
    quarter = channels // 4
    encoding = np.zeros((height * width, channels))
    for row in range(height):
        for column in range(width):
            for i in range(quarter):
                frequency = 1 / 10000 ** (i / quarter)
                encoding[
                    row * width + column, [i, quarter + i, 2 * quarter + i, 3 * quarter + i]
                ] = [
                    math.sin(column * frequency),
                    math.cos(column * frequency),
                    math.sin(row * frequency),
                    math.cos(row * frequency),
                ]
    return encoding


def test_naive_loop():
    for shape in [(8, 8, 192), (3, 5, 8), (1, 1, 4)]:
        got = keras.ops.convert_to_numpy(sincos_positions(*shape))
        assert got.dtype == "float32"
        np.testing.assert_allclose(got, naive(*shape), atol=1e-6)


def test_the_corner_of_a_grid_does_not_depend_on_its_size():
    small = keras.ops.convert_to_numpy(sincos_positions(2, 2, 16)).reshape(2, 2, 16)
    large = keras.ops.convert_to_numpy(sincos_positions(5, 7, 16)).reshape(5, 7, 16)
    np.testing.assert_allclose(large[:2, :2], small, atol=1e-6)
