import importlib.resources
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_simmim import reports
from keras_simmim.reports.verdict import STATES, verdict

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
        ({"loss": np.linspace(1, 5, 20).tolist()}, "getting worse"),
        ({"loss": [5, 4, 3, 4, 6, 9.0]}, "getting worse"),
        (knn([0.30, 0.30, 0.45, 0.40]), "getting worse"),  # than of late
        ({"loss": [NAN, NAN, NAN, NAN, 2.0]}, "too early to tell"),
        ({"loss": [1000.0, *np.linspace(5, 3, 19)]}, "still improving"),  # one wild epoch
        (knn([0.50, 0.30, 0.40, 0.47]), "still improving"),  # worse than once, and coming back
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
    assert verdict(made_up).state == "getting worse"


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


def test_a_run_that_goes_on_has_not_come_to_rest():
    assert "schedule ended" in verdict(history()).summary
    assert "schedule ended" not in verdict(history(), ended=False).summary


def test_the_page_has_a_colour_for_each_state():
    style = (importlib.resources.files(reports) / "page" / "page.css").read_text()
    for state in STATES:
        assert f'[data-state="{state}"]' in style, state


def test_worse_than_the_untrained_encoder_is_not_healthy():
    made_up = knn([0.20, 0.24, 0.255, 0.26])
    assert verdict(made_up, untrained_knn=0.2).state == "healthy"
    found = verdict(made_up, untrained_knn=0.35)
    assert found.state == "getting worse" and "untrained" in found.summary


@st.composite
def curves(draw, epochs, low, high):
    """A value for each epoch: rising, falling, flat, up and down or noisy, with gaps."""
    time = np.linspace(0, 1, epochs)
    shapes = (time, 1 - time, 0 * time, abs(2 * time - 1), 1 - abs(2 * time - 1), np.exp(-5 * time))
    shape = draw(st.sampled_from(shapes))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = shape + draw(st.sampled_from([0, 0.02, 0.3])) * rng.normal(size=epochs)
    values = low + (high - low) * draw(st.sampled_from([1, 0.1, 0.003])) * np.clip(values, 0, 1)
    gaps = draw(st.sampled_from([0, 0, 0.3, 0.8]))
    values[rng.random(epochs) < gaps] = draw(st.sampled_from([NAN, math.inf]))
    if draw(st.integers(0, 3)) == 3:  # an end that nothing led to
        values[-1] = low + (high - low) * rng.random()
    return values.tolist()


@st.composite
def histories(draw):
    epochs = draw(st.integers(1, 24))
    low, high = draw(st.sampled_from([(0, 5), (4, 6), (-200, -1), (0, 1e-4), (-1, 1)]))
    drawn = {"loss": draw(curves(epochs, low, high))}
    for name, limits in (
        ("knn_accuracy", (0.1, 0.8)),
        ("rankme", (5, 200)),
        ("embedding_std", (0.04, 0.3)),
        ("contrastive_accuracy", (0, 1)),
    ):
        if draw(st.booleans()):
            drawn[name] = draw(curves(epochs, *limits))
    return drawn


SHOWN = {
    "The loss": ("loss", "{:.4g}", -1),
    "kNN accuracy": ("knn_accuracy", "{:.1%}", 1),
    "RankMe": ("rankme", "{:.0f}", 1),
}
CURVE = "(The loss|kNN accuracy|RankMe)"


@settings(max_examples=600, deadline=None)
@given(histories(), st.sampled_from([None, 0.2, 0.6]), st.booleans())
def test_the_words_never_contradict_the_numbers(history, untrained_knn, ended):
    found = verdict(history, 16, untrained_knn, ended)
    lines = [found.summary, *found.reasons, *found.advice]
    epochs = len(history["loss"])
    known = {
        name: {epoch: x for epoch, x in enumerate(values, 1) if math.isfinite(x)}
        for name, values in history.items()
    }
    assert found.state in STATES and all(lines) and len(set(lines)) == len(lines)
    for epoch in re.findall(r"epoch (\d+)", " ".join(lines)):
        assert 1 <= int(epoch) <= epochs

    # Values that are named are those of the epochs that are named with them.
    changes = []
    for line in lines:
        match = re.fullmatch(
            CURVE + r" went from (\S+) in epoch (\d+) to (\S+) in epoch (\d+)\.", line
        )
        assert match or " went from " not in line
        if match:
            name, form, sign = SHOWN[match[1]]
            first, last = int(match[3]), int(match[5])
            assert first < last == max(known[name])
            assert match[2] == form.format(known[name][first])
            assert match[4] == form.format(known[name][last])
            changes.append((first, sign * (known[name][last] - known[name][first]), name))
        match = re.match(CURVE + r" was best in epoch (\d+), ([^ ,.]+(\.\d+)?%?)", line)
        assert match or " was best in " not in line
        if match:
            name, form, _ = SHOWN[match[1]]
            assert known[name][int(match[2])] == max(known[name].values())
            assert match[3] == form.format(max(known[name].values()))
    if untrained_knn is not None and known.get("knn_accuracy") and found.state != "diverged":
        last = max(known["knn_accuracy"])
        now = known["knn_accuracy"][last]
        assert any(f"is {now:.1%} in epoch {last}; of the untr" in line for line in found.reasons)

    # The state says what the numbers do.
    first, change, name = changes[0] if changes else (None, None, None)
    assert (found.state == "diverged") == (epochs not in known["loss"])
    if found.state == "collapsed":
        spread, rank = (known.get(of) for of in ("embedding_std", "rankme"))
        assert (spread and spread[max(spread)] < 0.05) or (rank and rank[max(rank)] < 1.5)
    elif found.state == "too early to tell":
        assert len(known["loss"]) < 4 or min(known["loss"]) > 2 / 3 * epochs
    elif found.state == "getting worse":
        worse_than_untrained = not changes and known["knn_accuracy"][last] < untrained_knn
        assert worse_than_untrained or change < 0
    elif found.state == "still improving":
        assert change > 0
        assert not ended or any(f"--epochs {2 * epochs} is twice" in line for line in lines)
    elif found.state == "plateaued":
        values = known[name]
        span = max(values.values()) - min(values.values())
        if name == "knn_accuracy":
            assert -0.02 <= change <= 0.005
        else:
            assert abs(change) <= max(0.05 * span, 0.005 * max(map(abs, values.values())))
        half = min(abs(epoch - epochs / 2) for epoch in sorted(values)[:-1])
        assert abs(first - epochs / 2) == half
        assert f"epoch {first} of {epochs}" in found.summary
    elif found.state == "healthy":
        assert change > 0 and ("schedule ended" in found.summary) == ended
        accuracy = known.get("knn_accuracy")
        if accuracy and untrained_knn is not None:
            assert accuracy[max(accuracy)] >= untrained_knn
    elif found.state == "overfitting the views":
        assert name == "loss" and change > 0
        curve = known["knn_accuracy" if "kNN" in found.reasons[0] else "rankme"]
        assert curve[max(curve)] < max(curve.values())
