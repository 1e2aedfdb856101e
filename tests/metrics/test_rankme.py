import math

import keras
import numpy as np
import pytest
from hypothesis import given
from properties import check_metric, embeddings, seeds

from keras_simmim.metrics import RankMe


def naive_rankme(embeddings):
    """View by view and angle by angle, by the eigenvalues of the Gram matrix in float64."""
    _, views, angles, _ = embeddings.shape
    ranks = []
    for v in range(views):
        for a in range(angles):
            z = embeddings[:, v, a].astype("float64")
            sigma = [math.sqrt(max(each, 0.0)) for each in np.linalg.eigvalsh(z @ z.T)]
            p = [each / sum(sigma) + 1e-7 for each in sigma]
            ranks.append(math.exp(-sum(each * math.log(each) for each in p)))
    return np.mean(ranks)


@pytest.mark.parametrize("shape", [(9, 2, 3, 4), (4, 2, 1, 6)])
def test_is_the_formula(shape):
    embeddings = np.random.default_rng(0).normal(size=shape).astype("float32")
    metric = RankMe()
    metric.update_state(embeddings)
    assert float(metric.result()) == pytest.approx(naive_rankme(embeddings), rel=1e-4)


def test_of_batches_compiled(compiled_result):
    embeddings = np.random.default_rng(0).normal(size=(19, 2, 2, 5)).astype("float32")
    batches = [embeddings[:8], embeddings[8:16], embeddings[16:]]
    expected = sum(len(batch) * naive_rankme(batch) for batch in batches) / 19
    assert compiled_result(RankMe(), embeddings) == pytest.approx(expected, rel=1e-4)


def test_collapse_compiled(compiled_result):
    """Rounding errors of the Gram matrix are no dimensions."""
    rng = np.random.default_rng(0)
    one_direction = rng.normal(size=(16, 1, 1)) * rng.normal(size=32)
    assert compiled_result(RankMe(), one_direction.astype("float32")) == pytest.approx(1, abs=1e-3)


def test_extremes():
    for value, rank in ((0.0, 0.0), (1.0, 1.0)):
        metric = RankMe()
        metric.update_state(np.full((64, 2, 32), value, "float32"))
        assert float(metric.result()) == pytest.approx(rank, abs=1e-3)
    metric = RankMe()
    metric.update_state(np.eye(16, dtype="float32")[:, None])
    assert float(metric.result()) == pytest.approx(16.0, rel=1e-4)


def test_config():
    config = keras.saving.serialize_keras_object(RankMe(name="other"))
    assert keras.saving.deserialize_keras_object(config).name == "other"


@given(embeddings(), seeds)
def test_of_any_size_it_is_the_formula_in_any_order(z, seed):
    check_metric(RankMe(), naive_rankme, z, seed, rel=1e-2)
