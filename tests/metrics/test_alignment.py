import keras
import numpy as np
import pytest
from hypothesis import given
from properties import check_metric, embeddings, seeds

from keras_simmim import evaluation
from keras_simmim.metrics import Alignment


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
    embeddings = np.random.default_rng(0).normal(size=shape).astype("float32")
    metric = Alignment()
    metric.update_state(embeddings)
    assert float(metric.result()) == pytest.approx(naive_alignment(embeddings), rel=1e-5)


def test_of_batches_compiled(compiled_result):
    embeddings = np.random.default_rng(0).normal(size=(19, 3, 4)).astype("float32")
    expected = evaluation.alignment(embeddings)
    assert compiled_result(Alignment(), embeddings) == pytest.approx(expected, rel=1e-5)


def test_one_view():
    with pytest.raises(ValueError, match=r"Received: shape \(4, 1, 3\)"):
        Alignment().update_state(np.ones((4, 1, 3), "float32"))


def test_config():
    config = keras.saving.serialize_keras_object(Alignment(name="other"))
    assert keras.saving.deserialize_keras_object(config).name == "other"


@given(embeddings(), seeds)
def test_of_any_size_it_is_the_formula_in_any_order(z, seed):
    check_metric(Alignment(), naive_alignment, z, seed)
