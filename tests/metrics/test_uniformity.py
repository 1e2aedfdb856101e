import math

import keras
import numpy as np
import pytest
from hypothesis import given
from properties import check_metric, embeddings, seeds

from keras_simmim.losses import map_rows
from keras_simmim.metrics import Uniformity


def naive_uniformity(embeddings, t=2.0):
    z = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    images, views, angles, _ = z.shape
    values = []
    for v in range(views):
        for a in range(angles):
            pairs = [
                math.exp(-t * np.sum((z[i, v, a] - z[j, v, a]) ** 2))
                for i in range(images)
                for j in range(i + 1, images)
            ]
            values.append(math.log(np.mean(pairs)))
    return np.mean(values)


@pytest.mark.parametrize("shape, t", [((5, 2, 3, 4), 2.0), ((6, 3, 1, 4), 0.5)])
def test_is_the_naive_double_loop(shape, t):
    embeddings = np.random.default_rng(0).normal(size=shape).astype("float32")
    metric = Uniformity(t)
    metric.update_state(embeddings)
    assert float(metric.result()) == pytest.approx(naive_uniformity(embeddings, t), rel=1e-5)


@pytest.mark.parametrize("tile", [3, 256])
def test_of_batches_compiled(compiled_result, monkeypatch, tile):
    """Batches of 8, 8 and 1: the last has no pair. In tiles, as large batches are."""
    monkeypatch.setattr(map_rows, "tile_rows", lambda angles, columns: tile)
    embeddings = np.random.default_rng(0).normal(size=(17, 2, 2, 4)).astype("float32")
    expected = np.mean([naive_uniformity(embeddings[i : i + 8]) for i in (0, 8)])
    assert compiled_result(Uniformity(), embeddings) == pytest.approx(expected, rel=1e-5)


def test_extremes():
    collapsed = Uniformity()
    collapsed.update_state(np.zeros((4, 2, 3), "float32"))
    assert float(collapsed.result()) == pytest.approx(0.0, abs=1e-6)
    opposite = Uniformity(t=500.0)
    opposite.update_state(np.array([[[1.0, 0.0]], [[-1.0, 0.0]]], "float32"))
    assert float(opposite.result()) == pytest.approx(-2000.0)


def test_config():
    config = keras.saving.serialize_keras_object(Uniformity(t=3.0, name="other"))
    metric = keras.saving.deserialize_keras_object(config)
    assert metric.name == "other" and metric.t == 3.0
    with pytest.raises(ValueError, match="Received: t=-1"):
        Uniformity(t=-1)


@given(embeddings(), seeds)
def test_of_any_size_it_is_the_formula_in_any_order(z, seed):
    check_metric(Uniformity(), naive_uniformity, z, seed)
