import numpy as np
import pytest
from check_layer import check_layer
from gradient import gradient_by_sgd
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, embeddings, reordered, seeds

from keras_simmim.losses import EMPSSLLoss


def naive_empssl_loss(embeddings, invariance, epsilon_squared):
    """The formula of the docstring, in float64: the coding rate by eigenvalues, view by view."""
    z = embeddings.astype("float64")
    z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    batch, views, angles, dim = z.shape
    losses = []
    for a in range(angles):
        rates, cosines = [], []
        for v in range(views):
            gram = np.zeros((dim, dim))
            for b in range(batch):
                gram += np.outer(z[b, v, a], z[b, v, a])
                mean = z[b, :, a].mean(axis=0)
                cosines.append(z[b, v, a] @ mean / np.linalg.norm(mean))
            eigenvalues = np.linalg.eigvalsh(gram)
            rates.append(np.log(1 + dim / (batch * epsilon_squared) * eigenvalues).sum() / 2)
        losses.append(-np.mean(rates) - invariance * np.mean(cosines))
    return np.mean(losses)


def random_embeddings(*shape):
    return np.random.default_rng(3).normal(size=shape).astype("float32")


@pytest.mark.parametrize("shape", [(5, 2, 1, 8), (9, 3, 2, 4), (2, 6, 1, 3)])
@pytest.mark.parametrize("invariance, epsilon_squared", [(200.0, 0.2), (0.0, 0.5)])
def test_value_is_that_of_the_naive_loop(shape, invariance, epsilon_squared):
    z = random_embeddings(*shape)
    value = float(EMPSSLLoss(invariance, epsilon_squared)(z))
    assert value == pytest.approx(naive_empssl_loss(z, invariance, epsilon_squared), rel=1e-5)


@given(embeddings(), st.floats(0.0, 300.0), st.floats(0.05, 5.0), seeds)
def test_of_any_size_it_is_the_naive_loop_in_any_order(z, invariance, epsilon_squared, seed):
    loss = compiled(EMPSSLLoss(invariance, epsilon_squared))
    expected = naive_empssl_loss(z, invariance, epsilon_squared)
    expected = pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert loss(z) == expected
    assert loss(reordered(z, seed)) == expected


@pytest.mark.parametrize("shape", [(5, 2, 1, 3), (2, 3, 2, 4)])
def test_gradient_is_that_of_the_naive_loop(shape):
    z = random_embeddings(*shape)
    gradient = gradient_by_sgd(EMPSSLLoss(2.0), z)
    numeric = np.zeros(z.shape)
    for index in np.ndindex(z.shape):
        step = np.zeros(z.shape)
        step[index] = 1e-5
        high, low = (naive_empssl_loss(z + s, 2.0, 0.2) for s in (step, -step))
        numeric[index] = (high - low) / 2e-5
    np.testing.assert_allclose(gradient, numeric, atol=2e-5)


def test_one_angle_needs_no_axis():
    z = random_embeddings(4, 2, 8)
    assert float(EMPSSLLoss()(z)) == pytest.approx(float(EMPSSLLoss()(z[:, :, None])), rel=1e-6)


def test_layer_contract():
    z = random_embeddings(4, 2, 3, 8)
    check_layer(lambda: EMPSSLLoss(3.0, 0.4), z, (), output_dtype="float32")


@pytest.mark.parametrize("kwargs", [{"invariance": -1}, {"epsilon_squared": 0}])
def test_rejects_numbers_out_of_range(kwargs):
    with pytest.raises(ValueError, match="Received"):
        EMPSSLLoss(**kwargs)


@pytest.mark.parametrize("shape", [(4, 8), (4, 1, 8)])
def test_rejects_shapes(shape):
    loss = EMPSSLLoss()
    for _ in range(2):
        with pytest.raises(ValueError, match="Received: shape"):
            loss(random_embeddings(*shape))
        loss(random_embeddings(4, 2, 8))  # must not make it take anything from then on
