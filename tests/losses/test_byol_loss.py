import numpy as np
import pytest
from gradient import gradient_by_sgd
from hypothesis import given
from properties import compiled, embeddings, reordered, seeds

from keras_simmim.losses import BYOLLoss


def naive_byol_loss(predictions, targets):
    """Equation 2, in float64, one ordered pair of different views at a time."""
    losses = []
    for b, v, w, a in np.ndindex(*predictions.shape[:2], *targets.shape[1:3]):
        if v != w:
            p, t = predictions[b, v, a].astype("float64"), targets[b, w, a].astype("float64")
            difference = p / np.linalg.norm(p) - t / np.linalg.norm(t)
            losses.append(np.sum(difference**2))
    return np.mean(losses)


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("shape", [(4, 2, 1, 5), (3, 4, 2, 6)])
def test_value_is_that_of_the_naive_loop(shape):
    p, t = random(0, *shape), random(1, *shape)
    assert float(BYOLLoss()(p, t)) == pytest.approx(naive_byol_loss(p, t), rel=1e-5)


@given(embeddings(), seeds)
def test_of_any_size_it_is_the_naive_loop_in_any_order(p, seed):
    t = random(seed, *p.shape)
    loss = compiled(BYOLLoss())
    expected = pytest.approx(naive_byol_loss(p, t), rel=1e-4)
    assert loss(p, t) == expected
    assert loss(reordered(p, seed), reordered(t, seed)) == expected


def test_gradient_of_the_predictions_is_that_of_the_naive_loop():
    p, t = random(0, 2, 3, 1, 3), random(1, 2, 3, 1, 3)
    gradient = gradient_by_sgd(lambda x: BYOLLoss()(x, t), p)
    numeric = np.zeros(p.shape)
    for index in np.ndindex(p.shape):
        step = np.zeros(p.shape)
        step[index] = 1e-5
        numeric[index] = (naive_byol_loss(p + step, t) - naive_byol_loss(p - step, t)) / 2e-5
    np.testing.assert_allclose(gradient, numeric, atol=1e-5)


def test_config_and_shape():
    loss = BYOLLoss.from_config(BYOLLoss(name="distance").get_config())
    assert loss.name == "distance"
    assert loss.compute_output_shape((4, 2, 1, 8), (4, 2, 1, 8)) == ()


def test_rejects_one_view():
    loss = BYOLLoss()
    loss(random(0, 4, 2, 1, 8), random(1, 4, 2, 1, 8))  # it looks at each call
    with pytest.raises(ValueError, match="at least 2 views"):
        loss(random(0, 4, 1, 1, 8), random(1, 4, 1, 1, 8))
