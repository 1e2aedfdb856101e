import numpy as np


def stratified_sample(labels: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Draws a share of each class at random.

    Args:
        labels: integer labels `(N,)`.
        fraction: share of each class, above 0 and at most 1; rounded to whole rows, at least one.
        seed: seed of the draw, a non-negative integer.

    Returns:
        Indices of the rows drawn, int64, in ascending order.

    Raises:
        ValueError: for a fraction out of its range.
    """
    if not 0 < fraction <= 1:
        raise ValueError(
            f"The fraction must be above 0 and at most 1. Received: fraction={fraction}"
        )
    rng = np.random.default_rng(seed)
    drawn = [np.empty(0, "int64")]
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        drawn.append(rows[: max(1, round(fraction * len(rows)))])
    return np.sort(np.concatenate(drawn))
