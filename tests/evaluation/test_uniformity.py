import math

import numpy as np
import pytest

from keras_simmim.evaluation import uniformity
from keras_simmim.evaluation.uniformity import _TILE


def naive_uniformity(embeddings, t):
    z = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    pairs = [
        math.exp(-t * np.sum((z[i] - z[j]) ** 2))
        for i in range(len(z))
        for j in range(i + 1, len(z))
    ]
    return math.log(np.mean(pairs))


@pytest.mark.parametrize("t", [0.5, 2.0])
def test_is_the_naive_double_loop(t):
    embeddings = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
    expected = naive_uniformity(embeddings, t)
    assert uniformity(embeddings, t) == pytest.approx(expected, rel=1e-5)


def test_tiles_are_joined():
    """One row more than two tiles, so that the last tile has no pair of its own."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2 * _TILE + 1, 3))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    exponentials = np.exp(-2.0 * (2 - 2 * z @ z.T))
    expected = np.log(exponentials[np.triu_indices(len(z), 1)].mean())
    assert uniformity(5 * z) == pytest.approx(expected, rel=1e-5)


def test_extremes():
    assert uniformity(np.ones((5, 3))) == pytest.approx(0.0, abs=1e-5)
    assert uniformity(np.zeros((5, 3))) == 0.0
    # exp of this underflows, whatever the precision.
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(opposite, t=500.0) == pytest.approx(-2000.0)
    spread = np.random.default_rng(0).normal(size=(2000, 128))
    assert uniformity(spread) == pytest.approx(-4 * (1 - 2 / 128), rel=1e-2)


def test_bad_input():
    for shape in ((1, 3), (4, 2, 3)):
        with pytest.raises(ValueError, match=r"at least 2 images. Received: shape \("):
            uniformity(np.ones(shape))
    with pytest.raises(ValueError, match="Received: t=0"):
        uniformity(np.ones((4, 3)), t=0)
