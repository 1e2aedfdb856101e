import numpy as np
import pytest

from keras_simmim.evaluation import alignment


def naive_alignment(embeddings):
    z = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    images, views, angles, _ = z.shape
    distances = [
        np.sum((z[n, v, a] - z[n, w, a]) ** 2)
        for n in range(images)
        for a in range(angles)
        for v in range(views)
        for w in range(v)
    ]
    return np.mean(distances)


@pytest.mark.parametrize("shape", [(5, 2, 3, 4), (4, 3, 1, 6)])
def test_is_the_naive_loop(shape):
    embeddings = np.random.default_rng(0).normal(size=shape)
    assert alignment(embeddings) == pytest.approx(naive_alignment(embeddings), rel=1e-5)
    without_angles = embeddings[:, :, 0]
    expected = naive_alignment(embeddings[:, :, :1])
    assert alignment(without_angles) == pytest.approx(expected, rel=1e-5)


def test_extremes():
    z = np.array([[1.0, 0.0]])
    assert alignment(np.stack([z, 3 * z], axis=1)) == 0.0
    assert alignment(np.stack([z, -z], axis=1)) == pytest.approx(4.0)


@pytest.mark.parametrize("shape", [(4, 3), (0, 2, 3), (4, 1, 3)])
def test_bad_shapes(shape):
    with pytest.raises(ValueError, match=r"Received: shape \("):
        alignment(np.ones(shape))


def test_not_finite():
    embeddings = np.ones((4, 2, 3))
    embeddings[2, 1, 0] = np.nan
    with pytest.raises(ValueError, match="Received: embeddings, whose row 2 is not"):
        alignment(embeddings)
