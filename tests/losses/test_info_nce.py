import keras
import numpy as np
import pytest
from gradient import gradient_by_sgd
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, embeddings, reordered, seeds

from keras_simmim.losses import InfoNCE


def unit(x):
    x = x.astype("float64")
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def naive_info_nce(queries, keys, queue, temperature, same_views):
    """The formula of the docstring, in float64, one pair at a time."""
    q, k, n = unit(queries), unit(keys), unit(queue)
    losses = []
    for b, v, w, a in np.ndindex(*q.shape[:2], k.shape[1], q.shape[2]):
        if same_views and v == w:
            continue
        positive = np.exp(q[b, v, a] @ k[b, w, a] / temperature)
        others = sum(np.exp(q[b, v, a] @ other / temperature) for other in n[a])
        losses.append(-np.log(positive / (positive + others)))
    return np.mean(losses)


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("same_views, num_keys", [(True, 3), (False, 2)])
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_value_is_that_of_the_naive_loop(same_views, num_keys, temperature):
    inputs = random(0, 4, 3, 2, 5), random(1, 4, num_keys, 2, 5), random(2, 2, 7, 5)
    value = float(InfoNCE(temperature, same_views)(*inputs))
    assert value == pytest.approx(naive_info_nce(*inputs, temperature, same_views), rel=1e-5)


@given(embeddings(), st.integers(1, 9), st.booleans(), st.floats(0.05, 5.0), seeds)
def test_of_any_size_it_is_the_naive_loop_in_any_order(q, length, same_views, temperature, seed):
    k, queue = random(seed, *q.shape), random(seed, q.shape[2], length, q.shape[3])
    loss = compiled(InfoNCE(temperature, same_views))
    expected = naive_info_nce(q, k, queue, temperature, same_views)
    expected = pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert loss(q, k, queue) == expected
    assert loss(reordered(q, seed), reordered(k, seed), queue[:, ::-1].copy()) == expected


def test_gradient_of_the_queries_is_that_of_the_naive_loop():
    queries, keys, queue = random(0, 2, 2, 1, 3), random(1, 2, 2, 1, 3), random(2, 1, 4, 3)
    gradient = gradient_by_sgd(lambda q: InfoNCE(0.5, True)(q, keys, queue), queries)
    numeric = np.zeros(queries.shape)
    for index in np.ndindex(queries.shape):
        step = np.zeros(queries.shape)
        step[index] = 1e-5
        high = naive_info_nce(queries + step, keys, queue, 0.5, True)
        low = naive_info_nce(queries - step, keys, queue, 0.5, True)
        numeric[index] = (high - low) / 2e-5
    np.testing.assert_allclose(gradient, numeric, atol=1e-5)


def test_layer_contract():
    keys, queue = random(1, 4, 2, 1, 8), random(2, 1, 6, 8)
    loss = InfoNCE.from_config(InfoNCE(0.3, True).get_config())
    assert (loss.temperature, loss.same_views) == (0.3, True)
    assert loss.compute_output_shape((4, 2, 1, 8), keys.shape, queue.shape) == ()
    half = loss(random(0, 4, 2, 1, 8).astype("float16"), keys, queue)
    assert keras.backend.standardize_dtype(half.dtype) == "float32"


def test_rejects_what_cannot_be_compared():
    with pytest.raises(ValueError, match="temperature=0"):
        InfoNCE(0)
    loss = InfoNCE(0.2, True)
    loss(random(0, 4, 2, 1, 8), random(1, 4, 2, 1, 8), random(2, 1, 6, 8))
    with pytest.raises(ValueError, match="at least 2 views. Received"):
        loss(random(0, 4, 1, 1, 8), random(1, 4, 1, 1, 8), random(2, 1, 6, 8))
    with pytest.raises(ValueError, match="There are no keys"):
        InfoNCE(0.2)(random(0, 4, 1, 1, 8), random(1, 4, 0, 1, 8), random(2, 1, 6, 8))
