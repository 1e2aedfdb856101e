import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders.relative_position_bias import RelativePositionBias


def images(height, width):
    return np.zeros((1, height, width, 3), "float32")


def random_layer():
    """A layer for a grid of 3 rows and 2 columns, with 2 heads."""
    layer = RelativePositionBias(4, 2)
    layer.build((None, 12, 8, 3))
    layer.set_weights([np.random.default_rng(0).normal(size=(5, 3, 2))])
    return layer


def test_life_of_a_layer():
    check_layer(lambda: RelativePositionBias(4, 5), images(12, 8), (5, 6, 6))


def test_starts_from_zero():
    bias = keras.ops.convert_to_numpy(RelativePositionBias(4, 5)(images(12, 8)))
    np.testing.assert_array_equal(bias, 0)


@pytest.mark.parametrize(("rows", "columns"), [(3, 2), (2, 2), (3, 1), (1, 1)])
def test_naive_loop(rows, columns):
    """A smaller grid has the same bias at the same displacement."""
    layer = random_layer()
    (table,) = layer.get_weights()
    bias = keras.ops.convert_to_numpy(layer(images(4 * rows, 4 * columns)))
    assert bias.shape == (2, rows * columns, rows * columns)
    for query in np.ndindex(rows, columns):
        for key in np.ndindex(rows, columns):
            expected = table[query[0] - key[0] + 2, query[1] - key[1] + 1]
            got = bias[:, query[0] * columns + query[1], key[0] * columns + key[1]]
            np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(16, 8), (12, 12)])
def test_larger_images(height, width):
    layer = random_layer()
    with pytest.raises(ValueError, match=r"at most \(12, 8\) pixels.*Received"):
        layer(images(height, width))
    with pytest.raises(ValueError, match=r"at most \(12, 8\) pixels.*Received"):
        layer.compute_output_shape((None, height, width, 3))


def test_unknown_size():
    with pytest.raises(ValueError, match="need the height and width.*Received"):
        RelativePositionBias(4, 2).build((None, 12, None, 3))
    assert random_layer().compute_output_shape((None, None, 8, 3)) == (2, None, None)
