import math

import numpy as np
import pytest

from keras_simmim.evaluation import rankme


def naive_rankme(embeddings):
    """By the eigenvalues of the Gram matrix, whose roots the singular values are."""
    eigenvalues = np.linalg.eigvalsh(embeddings.T @ embeddings)
    sigma = [math.sqrt(max(value, 0.0)) for value in eigenvalues]
    entropy = 0.0
    for each in sigma:
        p = each / sum(sigma) + 1e-7
        entropy -= p * math.log(p)
    return math.exp(entropy)


def test_is_the_formula():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(40, 6)) * np.array([5, 3, 2, 1, 0.5, 0.1])
    assert rankme(embeddings) == pytest.approx(naive_rankme(embeddings), rel=1e-5)


def test_extremes():
    assert rankme(np.eye(7)) == pytest.approx(7.0, rel=1e-4)
    one_direction = np.outer(np.arange(1, 9), np.ones(5))
    assert rankme(one_direction) == pytest.approx(1.0, rel=1e-4)
    assert rankme(np.zeros((4, 3))) == 0.0
    assert rankme(np.random.default_rng(0).normal(size=(3, 50))) <= 3.001


def test_bad_shapes():
    for shape in ((0, 3), (4, 2, 3)):
        with pytest.raises(ValueError, match=r"Received: shape \("):
            rankme(np.ones(shape))
