import math

import numpy as np
import pytest

from keras_simmim.reports.verdict import verdict

NAN = float("nan")
EPOCHS = np.arange(20)
FALLING = (1 + 4 * np.exp(-EPOCHS / 4)).tolist()


def history(**curves):
    return {"loss": FALLING, **curves}


def every_fifth(values):
    """As a run logs them that looks every 5 epochs."""
    return [x if (epoch + 1) % 5 == 0 else NAN for epoch, x in enumerate(values)]


def knn(values):
    return history(knn_accuracy=every_fifth(np.interp(EPOCHS, [4, 9, 14, 19], values)))


@pytest.mark.parametrize(
    "made_up, state",
    [
        (knn([0.30, 0.40, 0.45, 0.50]), "still improving"),
        (knn([0.30, 0.45, 0.452, 0.451]), "plateaued"),
        (knn([0.30, 0.44, 0.455, 0.460]), "healthy"),
        (knn([0.30, 0.45, 0.42, 0.40]), "overfitting the views"),
        (knn([0.30, 0.45, 0.445, 0.44]), "plateaued"),  # a point less is noise
        (knn([0.30, 0.40, 0.45, 0.40]), "plateaued"),  # one look may be wrong
        (history(), "healthy"),
        ({"loss": np.linspace(5, 1, 20).tolist()}, "still improving"),
        ({"loss": [5.0, 2.0, *[1.0] * 18]}, "plateaued"),
        ({"loss": [5.0] * 20}, "plateaued"),
        ({"loss": np.linspace(1, 5, 20).tolist()}, "plateaued"),
        # Of a loss below 0, as EMP-SSL's.
        ({"loss": np.linspace(-1, -200, 20).tolist()}, "still improving"),
        (
            history(rankme=np.interp(EPOCHS, [0, 8, 19], [20, 90, 30]).tolist()),
            "overfitting the views",
        ),
        (history(rankme=np.interp(EPOCHS, [0, 8, 19], [20, 90, 80]).tolist()), "healthy"),
        ({"loss": [3.0, 2.0, 1.0]}, "too early to tell"),
        ({"loss": [3.0, 2.0, NAN]}, "diverged"),
        ({"loss": [3.0, 2.0, math.inf]}, "diverged"),
        (history(rankme=[1.2] * 20), "collapsed"),
    ],
)
def test_states(made_up, state):
    found = verdict(made_up, embedding_dim=16)
    assert found.state == state
    assert found.summary and found.advice


def test_collapse_is_told_by_the_spread_an_even_one_would_have():
    curves = history(embedding_std=[0.24] * 10 + [0.04] * 10)
    found = verdict(curves, embedding_dim=16)  # evenly spread: 0.25
    assert found.state == "collapsed" and "16% of the 0.25" in found.reasons[0]
    assert verdict(curves, embedding_dim=1000).state == "healthy"
    assert verdict(curves).state == "healthy"


def test_knn_decides_where_it_was_measured():
    made_up = knn([0.30, 0.40, 0.45, 0.50])
    made_up["rankme"] = np.interp(EPOCHS, [0, 8, 19], [20, 90, 30]).tolist()
    assert verdict(made_up).state == "still improving"


def test_overfitting_needs_a_loss_that_fell():
    made_up = knn([0.30, 0.45, 0.42, 0.40])
    made_up["loss"] = np.linspace(1, 5, 20).tolist()
    assert verdict(made_up).state == "plateaued"


def test_says_the_numbers_it_goes_by():
    found = verdict(knn([0.30, 0.40, 0.45, 0.50]), untrained_knn=0.25)
    assert "from 45.0% in epoch 15 to 50.0%" in found.reasons[0]
    assert any("25.0%" in reason for reason in found.reasons)
    assert any("--epochs 40" in line for line in found.advice)
    assert any("--resume" in line for line in verdict(history(), ended=False).advice) is False
    assert any(
        "--resume" in line for line in verdict(knn([0.3, 0.4, 0.45, 0.5]), ended=False).advice
    )


def test_needs_a_loss():
    with pytest.raises(ValueError, match="Received: a history of knn_accuracy"):
        verdict({"knn_accuracy": [0.1]})
