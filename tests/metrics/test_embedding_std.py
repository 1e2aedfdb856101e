import numpy as np
import pytest
from hypothesis import given
from properties import check_metric, embeddings, seeds

from keras_simmim.metrics import EmbeddingStd


def naive_std(embeddings):
    z = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    _, views, angles, dim = z.shape
    values = []
    for v in range(views):
        for a in range(angles):
            for d in range(dim):
                column = z[:, v, a, d]
                values.append(np.sqrt(np.mean((column - column.mean()) ** 2)))
    return np.mean(values)


def test_is_the_naive_loop():
    embeddings = np.random.default_rng(0).normal(size=(7, 2, 3, 5)).astype("float32")
    metric = EmbeddingStd()
    metric.update_state(embeddings)
    assert float(metric.result()) == pytest.approx(naive_std(embeddings), rel=1e-5)


def test_healthy_and_collapsed():
    spread = np.random.default_rng(0).normal(size=(4000, 2, 16)).astype("float32")
    metric = EmbeddingStd()
    metric.update_state(spread)
    assert float(metric.result()) == pytest.approx(1 / 16**0.5, rel=0.02)
    collapsed = EmbeddingStd()
    collapsed.update_state(np.ones((8, 2, 16), "float32"))
    assert float(collapsed.result()) == pytest.approx(0.0, abs=1e-6)


@given(embeddings(), seeds)
def test_of_any_size_it_is_the_formula_in_any_order(z, seed):
    check_metric(EmbeddingStd(), naive_std, z, seed)
