import math
from typing import NamedTuple

from keras_simmim.reports.course import Course

STATES = (
    "diverged",
    "collapsed",
    "overfitting the views",
    "too early to tell",
    "getting worse",
    "still improving",
    "plateaued",
    "healthy",
)
# Fewer epochs tell nothing about where a run is heading.
_LEAST_EPOCHS = 4
# Fewer looks at the features tell less than the loss.
_LEAST_LOOKS = 3
# Part of the spread of evenly spread embeddings below which they count as collapsed.
_COLLAPSED = 0.2
# kNN accuracy: half a point more is no gain, one is; two less are a loss, as one is noise.
_KNN_STEPS = (0.005, 0.01, 0.02)
_GO_ON = "Let it go on: the same command with --resume."
_SLOWER = "Lower the learning rate, or warm it up for longer (--warmup)."


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
        `Verdict`, whose state is one of `STATES`.

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
    loss = Course("The loss", losses, rises=False, show=lambda x: f"{x:.4g}")
    knn = Course("kNN accuracy", history.get("knn_accuracy", []), True, _percent, _KNN_STEPS)
    rank = Course("RankMe", history.get("rankme", []), True, _dimensions)
    course = knn if knn.tells(_LEAST_LOOKS) else loss
    found = (
        _collapsed(history, rank, embedding_dim)
        or _overfitting(knn, rank, loss)
        or _too_early(loss, ended)
        or _worse_than_halfway(course)
        or _improving(course, ended)
        or _plateaued(course)
        or _worse_of_late(course)
        or _worse_than_untrained(knn, untrained_knn)
        or _healthy(course, ended)
    )
    reasons = [*found.reasons, *_known(history, knn, rank, untrained_knn, found.reasons)]
    return found._replace(reasons=reasons)


def _diverged(epoch):
    return Verdict(
        "diverged",
        "The loss is no number any more: what was learnt is lost.",
        [f"The loss of epoch {epoch} is not finite."],
        [_SLOWER, "Train in another precision: --precision mixed_bfloat16 or float32."],
    )


def _collapsed(history, rank, embedding_dim):
    reasons = []
    spread = Course("The spread", history.get("embedding_std", []), True, str)
    if embedding_dim and spread.looks:
        epoch, std = spread.now
        even = 1 / math.sqrt(embedding_dim)
        if std < _COLLAPSED * even:
            reasons.append(
                f"In epoch {epoch} embeddings spread by {std:.2g}, {std / even:.0%} of the "
                f"{even:.2g} of evenly spread ones."
            )
    if rank.looks and rank.now.value < 1.5:
        reasons.append(
            f"RankMe was {rank.now.value:.1f} in epoch {rank.now.epoch}: features point one way."
        )
    if not reasons:
        return None
    return Verdict(
        "collapsed",
        "All images get nearly the same embedding, so nothing more is learnt.",
        reasons,
        [
            _SLOWER,
            "Lower the temperature, or make the batch larger: more pushes images apart.",
            "Check that the images differ, and that pixel values are 0...255.",
        ],
    )


def _overfitting(knn, rank, loss):
    """Quality that was better long ago and does not come back, while the loss still fell."""
    # Where kNN accuracy was measured, it decides.
    curve = knn if len(knn.looks) >= _LEAST_LOOKS else rank
    if not curve.tells(_LEAST_LOOKS) or len(loss.looks) < 2:
        return None
    best = curve.best
    much = 0.02 if curve is knn else 0.3 * best.value
    if best.epoch > _late(curve) or -curve.gain(best) <= much or _comes_back(curve):
        return None
    then = loss.at(best.epoch)
    if loss.gain(then) <= loss.steps[0]:
        return None
    return Verdict(
        "overfitting the views",
        "The loss went down while the features got worse: the views are told apart by something "
        "that says little about the images.",
        [
            f"{curve.title} was best in epoch {best.epoch}, {curve.show(best.value)}, and is "
            f"{curve.show(curve.now.value)} in epoch {curve.now.epoch}.",
            loss.change(then),
        ],
        [
            "Make the views harder: smaller crops (--crop-scale 0.1 1), more --jitter or "
            "--grayscale.",
            "Stop earlier, near the best epoch, or train on more images.",
        ],
    )


def _comes_back(curve):
    return curve.gain(curve.at(_late(curve))) > curve.steps[0]


def _too_early(loss, ended):
    if loss.tells(_LEAST_EPOCHS):
        return None
    count = "1 epoch" if len(loss.looks) == 1 else f"{len(loss.looks)} epochs"
    first = loss.looks[0].epoch
    since = "" if first == 1 else f", the first of them epoch {first} of {loss.epochs}"
    return Verdict(
        "too early to tell",
        f"The losses of {count} say little about where a run is heading.",
        [
            f"There are values of {count}{since}; {_LEAST_EPOCHS} are judged, of which one is "
            "early on."
        ],
        ["Train longer: more --epochs or --minutes." if ended else _GO_ON],
    )


def _worse_than_halfway(course):
    half = course.at(course.epochs / 2)
    return _worse(course, half) if -course.gain(half) > course.steps[2] else None


def _worse_of_late(course):
    recent = [look for look in course.looks if look.epoch >= course.at(_late(course)).epoch]
    peak = course.best_of(recent)
    return _worse(course, peak) if -course.gain(peak) > course.steps[2] else None


def _worse(course, since):
    return Verdict(
        "getting worse",
        f"{course.title} has got worse: more of the same is unlikely to pay.",
        [course.change(since)],
        [
            _SLOWER,
            f"Stop earlier, near the best epoch, {course.best.epoch}.",
        ],
    )


def _improving(course, ended):
    since = course.at(_late(course))
    recent = [look for look in course.looks if look.epoch >= since.epoch]
    falls = -course.gain(course.best_of(recent)) > course.steps[2]
    if course.gain(since) <= course.steps[1] or falls:
        return None
    return Verdict(
        "still improving",
        f"{course.title} was getting better towards the end: more training is likely to pay.",
        [course.change(since)],
        [
            f"Train longer: --epochs {2 * course.epochs} is twice as long." if ended else _GO_ON,
            "When it no longer improves, a wider encoder (--width) may.",
        ],
    )


def _plateaued(course):
    half = course.at(course.epochs / 2)
    if course.gain(half) > course.steps[0]:
        return None
    return Verdict(
        "plateaued",
        f"{course.title} is about where it was in epoch {half.epoch} of {course.epochs}.",
        [course.change(half)],
        [
            f"Where time counts, train for {half.epoch} epochs: it is likely to be as good.",
            "To get further: a wider or deeper encoder (--width, --encoder), more --num-views, a "
            "larger --batch-size, or another --learning-rate.",
        ],
    )


def _worse_than_untrained(knn, untrained_knn):
    if not knn.looks or untrained_knn is None or knn.now.value >= untrained_knn:
        return None
    return Verdict(
        "getting worse",
        "The features are worse than those of the untrained encoder.",
        [],
        [_SLOWER, "Train longer, or with views that are easier: larger crops (--crop-scale)."],
    )


def _healthy(course, ended):
    rest = "and has come to rest as its schedule ended" if ended else "and gains little of late"
    return Verdict(
        "healthy",
        f"{course.title} has become better, {rest}.",
        [course.change(course.at(course.epochs / 2))],
        [
            "For more: train longer, or a wider encoder (--width).",
            "To use it: evaluate it with --linear-probe, or fine-tune it.",
        ],
    )


def _late(course):
    """Where the last third begins."""
    return 2 / 3 * course.epochs


def _known(history, knn, rank, untrained_knn, said):
    """What else speaks for or against a run."""
    known = []
    if knn.looks and untrained_knn is not None:
        known.append(
            f"kNN accuracy is {_percent(knn.now.value)} in epoch {knn.now.epoch}; of the untrained "
            f"encoder it was {_percent(untrained_knn)}."
        )
    said = " ".join(said)
    if knn.looks and -knn.gain(knn.best) > knn.steps[0] and "best in epoch" not in said:
        known.append(
            f"kNN accuracy was best in epoch {knn.best.epoch}, {_percent(knn.best.value)}."
        )
    found = Course("", history.get("contrastive_accuracy", []), True, _percent)
    if found.looks:
        known.append(
            f"Views of one image find each other in {_percent(found.now.value)} of cases in a "
            "batch (contrastive accuracy)."
        )
    if rank.looks and rank.title not in said:
        known.append(f"Features use about {_dimensions(rank.now.value)} (RankMe).")
    return known


def _percent(x):
    return f"{x:.1%}"


def _dimensions(x):
    return f"{x:.0f} dimension{'' if f'{x:.0f}' == '1' else 's'}"
