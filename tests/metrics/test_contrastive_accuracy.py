import keras
import numpy as np
import pytest
from hypothesis import given
from properties import check_metric, embeddings, seeds

from keras_simmim.metrics import ContrastiveAccuracy


def naive_accuracy(embeddings):
    z = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    batch, views, angles, _ = z.shape
    right = []
    for b in range(batch):
        for v in range(views):
            others = [
                np.mean([z[b, v, a] @ z[n, w, a] for a in range(angles)])
                for n in range(batch)
                for w in range(views)
                if n != b
            ]
            for p in range(views):
                if p != v:
                    positive = np.mean([z[b, v, a] @ z[b, p, a] for a in range(angles)])
                    right.append(positive > max(others))
    return np.mean(right)


@pytest.mark.parametrize("shape", [(6, 2, 1, 3), (5, 3, 2, 4)])
def test_is_the_naive_double_loop(shape):
    rng = np.random.default_rng(1)
    image = rng.normal(size=(shape[0], 1, *shape[2:]))
    embeddings = (image + 0.8 * rng.normal(size=shape)).astype("float32")
    metric = ContrastiveAccuracy()
    metric.update_state(embeddings)
    expected = naive_accuracy(embeddings)
    assert 0 < expected < 1
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_averages_over_batches():
    apart = np.eye(4, dtype="float32")[:, None, :].repeat(2, axis=1)
    same = np.ones((4, 2, 4), "float32")
    metric = ContrastiveAccuracy()
    metric.update_state(apart)
    assert float(metric.result()) == 1.0
    metric.update_state(same)  # a tie is not right
    assert float(metric.result()) == 0.5


def test_config():
    metric = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(ContrastiveAccuracy(name="other"))
    )
    assert metric.name == "other"


@given(embeddings(), seeds)
def test_of_any_size_it_is_the_formula_in_any_order(z, seed):
    check_metric(ContrastiveAccuracy(), naive_accuracy, z, seed, rel=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the others know all sizes")
def test_in_a_graph_that_knows_neither_images_nor_views():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    z = (rng.normal(size=(4, 1, 2, 5)) + rng.normal(size=(4, 3, 2, 5))).astype("float32")
    metric, expected = ContrastiveAccuracy(), ContrastiveAccuracy()
    update = tf.function(metric.update_state, input_signature=[tf.TensorSpec((None, None, 2, 5))])
    update(z)
    expected.update_state(z)
    assert float(metric.result()) == pytest.approx(float(expected.result()), rel=1e-5)
    assert 0 < float(metric.result()) < 1
