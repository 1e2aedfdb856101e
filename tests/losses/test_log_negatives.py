import numpy as np
import pytest
from gradient import gradient_by_sgd
from keras import ops

from keras_simmim.losses import map_rows
from keras_simmim.losses.log_negatives import log_negatives


def unit_vectors(*shape):
    z = np.random.default_rng(1).normal(size=shape)
    return (z / np.linalg.norm(z, axis=-1, keepdims=True)).astype("float32")


def naive(z, num_views, temperature):
    """Log of the sum over the views of all other images, in float64, one pair at a time."""
    z = z.astype("float64")
    angles, count, _ = z.shape
    result = np.zeros((angles, count))
    for a in range(angles):
        for i in range(count):
            for n in range(count):
                if n // num_views != i // num_views:
                    result[a, i] += np.exp(z[a, i] @ z[a, n] / temperature)
    return np.log(result)


@pytest.mark.parametrize("tile", [256, 4])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_anchors_of_a_part_of_the_keys(monkeypatch, tile, parts):
    """A replica has its own images as anchors and all images as keys: together they are one."""
    monkeypatch.setattr(map_rows, "tile_rows", lambda angles, columns: tile)
    z, images = unit_vectors(2, 12, 5), 6
    slopes = np.random.default_rng(2).uniform(size=(2, 12)).astype("float32")

    def in_parts(z):
        if parts == 1:
            return log_negatives(z, z, 2, 0.5)
        share = images // parts
        pieces = [
            log_negatives(z[:, 2 * i : 2 * (i + share)], z, 2, 0.5, first_image=i)
            for i in range(0, images, share)
        ]
        return ops.concatenate(pieces, axis=1)

    np.testing.assert_allclose(ops.convert_to_numpy(in_parts(z)), naive(z, 2, 0.5), rtol=2e-6)

    gradient = gradient_by_sgd(lambda z: ops.sum(ops.convert_to_tensor(slopes) * in_parts(z)), z)
    expected = np.zeros(z.shape)
    for index in np.ndindex(z.shape):
        step = np.zeros(z.shape)
        step[index] = 1e-5
        high, low = naive(z + step, 2, 0.5), naive(z - step, 2, 0.5)
        expected[index] = np.sum(slopes * (high - low)) / 2e-5
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
