import math
from typing import NamedTuple

# Fewer epochs tell nothing about where a run is heading.
_LEAST_EPOCHS = 4
# Part of the spread of evenly spread embeddings below which they count as collapsed.
_COLLAPSED = 0.2


class Verdict(NamedTuple):
    """How a run went: a state, a sentence, the reasons for it and what to try next."""

    state: str
    summary: str
    reasons: list[str]
    advice: list[str]


def verdict(
    history: dict[str, list[float]],
    embedding_dim: int | None = None,
    untrained_knn: float | None = None,
    ended: bool = True,
) -> Verdict:
    """Judges a run by its history, in plain words.

    Args:
        history: a value for each epoch of `loss` and, where they were measured, `knn_accuracy`,
            `embedding_std`, `rankme`; NaN in epochs without a measurement.
        embedding_dim: dimensions of an embedding, which its spread is compared with; None: unknown.
        untrained_knn: kNN accuracy of the untrained encoder, 0...1; None: unknown.
        ended: whether the run has come to its end.

    Returns:
        `Verdict`, whose state is `"diverged"`, `"collapsed"`, `"overfitting the views"`, `"too
        early to tell"`, `"still improving"`, `"plateaued"` or `"healthy"`: the first that holds.

    Raises:
        ValueError: for a history without a loss.
    """
    losses = history.get("loss") or []
    if not losses:
        raise ValueError(
            "A run is judged by its `loss`. "
            f"Received: a history of {', '.join(history) or 'nothing'}"
        )
    if not math.isfinite(losses[-1]):
        return _diverged(len(losses))
    curves = {name: _measured(values) for name, values in history.items()}
    found = (
        _collapsed(curves, embedding_dim)
        or _overfitting(curves, len(losses))
        or _too_early(len(losses), ended)
        or _improving(curves, len(losses), ended)
        or _plateaued(curves, len(losses))
        or _healthy()
    )
    return found._replace(reasons=[*found.reasons, *_known(curves, untrained_knn)])


def _measured(values):
    """Pairs of epoch, from 1 on, and value, of the epochs that have one."""
    return [(epoch, x) for epoch, x in enumerate(values, start=1) if math.isfinite(x)]


def _diverged(epoch):
    return Verdict(
        "diverged",
        "The loss is no number any more: what was learnt is lost.",
        [f"The loss of epoch {epoch} is not finite."],
        [
            "Lower the learning rate, or warm it up for longer (--warmup).",
            "Train in another precision: --precision mixed_bfloat16 or float32.",
        ],
    )


def _collapsed(curves, embedding_dim):
    reasons = []
    if embedding_dim and curves.get("embedding_std"):
        epoch, std = curves["embedding_std"][-1]
        even = 1 / math.sqrt(embedding_dim)
        if std < _COLLAPSED * even:
            reasons.append(
                f"In epoch {epoch} embeddings spread by {std:.2g}, {std / even:.0%} of the "
                f"{even:.2g} of evenly spread ones."
            )
    if curves.get("rankme") and curves["rankme"][-1][1] < 1.5:
        reasons.append(
            f"Features use {curves['rankme'][-1][1]:.1f} dimensions (RankMe): all point one way."
        )
    if not reasons:
        return None
    return Verdict(
        "collapsed",
        "All images get nearly the same embedding, so nothing more is learnt.",
        reasons,
        [
            "Lower the learning rate, or warm it up for longer (--warmup).",
            "Lower the temperature, or make the batch larger: more pushes images apart.",
            "Check that the images differ, and that pixel values are 0...255.",
        ],
    )


def _overfitting(curves, epochs):
    """Quality that was better long ago, while the loss still fell."""
    for name, much, what in (
        ("knn_accuracy", lambda best, last: best - last > 0.02, _percent),
        ("rankme", lambda best, last: last < 0.7 * best, lambda x: f"{x:.0f} dimensions"),
    ):
        looks = curves.get(name, [])
        if len(looks) < 3:
            continue
        (best_epoch, best), last = max(looks, key=lambda look: look[1]), looks[-1][1]
        losses = dict(curves["loss"])
        fell = losses.get(best_epoch, math.inf) > curves["loss"][-1][1]
        if best_epoch <= 2 / 3 * epochs and much(best, last) and fell:
            title = {"knn_accuracy": "kNN accuracy", "rankme": "RankMe"}[name]
            return Verdict(
                "overfitting the views",
                "The loss goes down while the features get worse: the views are told apart by "
                "something that says little about the images.",
                [
                    f"{title} was best in epoch {best_epoch}, {what(best)}, and is now "
                    f"{what(last)}.",
                    f"The loss fell from {losses[best_epoch]:.3f} to {curves['loss'][-1][1]:.3f} "
                    "since then.",
                ],
                [
                    "Make the views harder: smaller crops (--crop-scale 0.1 1), more --jitter or "
                    "--grayscale.",
                    "Stop earlier, near the best epoch, or train on more images.",
                ],
            )
        if name == "knn_accuracy":
            return None  # where it was measured, it decides
    return None


def _too_early(epochs, ended):
    if epochs >= _LEAST_EPOCHS:
        return None
    return Verdict(
        "too early to tell",
        f"{epochs} epochs say little about where a run is heading.",
        [f"There are values of {epochs} epochs; from {_LEAST_EPOCHS} on they are judged."],
        ["Train longer: more --epochs or --minutes." if ended else _GO_ON],
    )


_GO_ON = "Let it go on: the same command with --resume."


def _improving(curves, epochs, ended):
    title, looks, show = _measure(curves)
    since, now = _at(looks, 2 / 3 * epochs), looks[-1]
    if title == "kNN accuracy":
        improves = now[1] - since[1] >= 0.01
    else:
        improves = since[1] - now[1] >= 0.1 * abs(looks[0][1] - now[1]) and now[1] < since[1]
    if not improves:
        return None
    return Verdict(
        "still improving",
        "It was getting better up to the end: more training is likely to pay.",
        [f"{title} went from {show(since[1])} in epoch {since[0]} to {show(now[1])} at the end."],
        [
            f"Train longer: --epochs {2 * epochs} is twice as long." if ended else _GO_ON,
            "When it no longer improves, a wider encoder (--width) may.",
        ],
    )


def _plateaued(curves, epochs):
    title, looks, show = _measure(curves)
    since, now = _at(looks, epochs / 2), looks[-1]
    if title == "kNN accuracy":
        stands = now[1] - since[1] < 0.005
    else:
        stands = since[1] - now[1] < 0.03 * (looks[0][1] - now[1]) or now[1] >= looks[0][1]
    if not stands:
        return None
    return Verdict(
        "plateaued",
        "The second half of the training has changed little.",
        [f"{title} was {show(since[1])} in epoch {since[0]} and is {show(now[1])} at the end."],
        [
            "Where time counts, train for half as long: it is likely to be as good.",
            "To get further: a wider or deeper encoder (--width, --encoder), more --num-views, a "
            "larger --batch-size, or another --learning-rate.",
        ],
    )


def _healthy():
    return Verdict(
        "healthy",
        "It has learnt, and has come to rest as its schedule ended.",
        [],
        [
            "For more: train longer, or a wider encoder (--width).",
            "To use it: evaluate it with --linear-probe, or fine-tune it.",
        ],
    )


def _measure(curves):
    """What the course of a run is judged by: its title, measurements and how they are shown."""
    looks = curves.get("knn_accuracy", [])
    if len(looks) >= 3:
        return "kNN accuracy", looks, _percent
    return "The loss", curves["loss"], lambda x: f"{x:.3f}"


def _at(looks, epoch):
    """The measurement nearest to an epoch, but not the last."""
    return min(looks[:-1], key=lambda look: abs(look[0] - epoch))


def _known(curves, untrained_knn):
    """What else speaks for or against a run."""
    known = []
    looks = curves.get("knn_accuracy", [])
    if looks and untrained_knn is not None:
        known.append(
            f"kNN accuracy is {_percent(looks[-1][1])}; of the untrained encoder it was "
            f"{_percent(untrained_knn)}."
        )
    if curves.get("contrastive_accuracy"):
        share = _percent(curves["contrastive_accuracy"][-1][1])
        known.append(
            f"Views of one image find each other in {share} of cases in a batch (contrastive "
            "accuracy)."
        )
    if curves.get("rankme"):
        known.append(f"Features use about {curves['rankme'][-1][1]:.0f} dimensions (RankMe).")
    return known


def _percent(x):
    return f"{x:.1%}"
