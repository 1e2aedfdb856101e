import keras
import numpy as np
import pytest
from check_layer import check_layer
from gradient import gradient_by_sgd
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, embeddings, reordered, seeds

from keras_simmim.losses import NTXent, map_rows


def naive_nt_xent(embeddings, temperature):
    """The formula of the docstring, in float64, one pair at a time: embeddings (B, V, A, D)."""
    z = embeddings.astype("float64")
    z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    batch, views, angles, _ = z.shape
    losses = []
    for a in range(angles):
        for b in range(batch):
            for v in range(views):
                anchor = z[b, v, a]
                others = 0.0
                for n in range(batch):
                    for w in range(views):
                        if n != b:
                            others += np.exp(anchor @ z[n, w, a] / temperature)
                for p in range(views):
                    if p != v:
                        positive = np.exp(anchor @ z[b, p, a] / temperature)
                        losses.append(-np.log(positive / (positive + others)))
    return np.mean(losses)


def naive_gradient(embeddings, temperature, epsilon=1e-5):
    gradient = np.zeros(embeddings.shape)
    for index in np.ndindex(embeddings.shape):
        step = np.zeros(embeddings.shape)
        step[index] = epsilon
        high = naive_nt_xent(embeddings + step, temperature)
        low = naive_nt_xent(embeddings - step, temperature)
        gradient[index] = (high - low) / (2 * epsilon)
    return gradient


def random_embeddings(*shape):
    return np.random.default_rng(3).normal(size=shape).astype("float32")


@pytest.fixture(params=[256, 6, 1])
def tile(request, monkeypatch):
    """Rows of similarities at a time: all of them, some with a rest, and one by one."""
    monkeypatch.setattr(map_rows, "tile_rows", lambda angles, columns: request.param)


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize("shape", [(5, 2, 1, 8), (4, 3, 2, 6), (2, 5, 3, 4)])
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_value_is_that_of_the_naive_double_loop(shape, temperature):
    embeddings = random_embeddings(*shape)
    value = float(NTXent(temperature)(embeddings))
    assert value == pytest.approx(naive_nt_xent(embeddings, temperature), rel=1e-6)


@given(embeddings(), st.floats(0.05, 5.0), seeds)
def test_of_any_size_it_is_the_naive_loop_in_any_order(z, temperature, seed):
    loss = compiled(NTXent(temperature))
    expected = pytest.approx(naive_nt_xent(z, temperature), rel=1e-4, abs=1e-6)
    assert loss(z) == expected
    assert loss(reordered(z, seed)) == expected


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize("shape", [(4, 2, 1, 5), (3, 3, 2, 4)])
def test_gradient_is_that_of_the_naive_double_loop(shape):
    embeddings = random_embeddings(*shape)
    gradient = gradient_by_sgd(NTXent(0.2), embeddings)
    np.testing.assert_allclose(gradient, naive_gradient(embeddings, 0.2), atol=1e-6)


def test_with_two_views_it_is_the_loss_of_simclr():
    """SimCLR's denominator: all 2B - 1 other embeddings, one of which is the positive."""
    z = random_embeddings(6, 2, 7)
    flat = z / np.linalg.norm(z, axis=-1, keepdims=True)
    flat = flat.reshape(12, 7).astype("float64")
    logits = flat @ flat.T / 0.5
    np.fill_diagonal(logits, -np.inf)
    partner = np.arange(12) ^ 1
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    simclr = -log_softmax[np.arange(12), partner].mean()
    assert float(NTXent(0.5)(z)) == pytest.approx(simclr, rel=1e-6)


def test_one_angle_needs_no_axis():
    z = random_embeddings(4, 2, 8)
    assert float(NTXent()(z)) == pytest.approx(float(NTXent()(z[:, :, None])), rel=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_finite_at_low_temperature(policy):
    keras.config.set_dtype_policy(policy)
    z = random_embeddings(16, 2, 2, 32)
    z[1] = z[0]  # a negative as close as can be
    loss = NTXent(0.01)
    assert np.isfinite(float(loss(z)))
    assert np.all(np.isfinite(gradient_by_sgd(loss, z)))


def test_one_image_has_nothing_to_be_told_from():
    z = random_embeddings(1, 2, 2, 8)
    assert float(NTXent()(z)) == 0.0
    np.testing.assert_array_equal(gradient_by_sgd(NTXent(), z), 0.0)


@pytest.mark.usefixtures("tile")
def test_layer_contract():
    check_layer(lambda: NTXent(0.3), random_embeddings(4, 2, 3, 8), (), output_dtype="float32")


@pytest.mark.parametrize("temperature", [0, -1.0])
def test_rejects_temperature(temperature):
    with pytest.raises(ValueError, match=f"temperature={temperature}"):
        NTXent(temperature)


@pytest.mark.parametrize("shape", [(4, 8), (4, 1, 8), (2, 2, 2, 2, 2)])
def test_rejects_shapes(shape):
    loss = NTXent()
    for _ in range(2):
        with pytest.raises(ValueError, match="Received: shape"):
            loss(random_embeddings(*shape))
        loss(random_embeddings(4, 2, 8))  # must not make it take anything from then on
