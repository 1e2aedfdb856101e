import numpy as np

from keras_simmim._numbers import check_number, check_seed


def stratified_sample(labels: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Draws a share of each class at random.

    Args:
        labels: integer labels `(N,)`.
        fraction: share of each class, above 0 and at most 1; rounded to whole rows, at least one.
        seed: seed of the draw, an integer, 0...2**31 - 1.

    Returns:
        Indices of the rows drawn, int64, in ascending order.

    Raises:
        ValueError: for a fraction or a seed out of its range.
    """
    fraction = check_number("fraction", fraction, above=0, most=1)
    rng = np.random.default_rng(check_seed("seed", seed))
    # Sorted once: a look at all labels for each class takes long where there are many.
    rows_by_class = np.argsort(labels, kind="stable")
    _, counts = np.unique(labels, return_counts=True)
    drawn = [np.empty(0, "int64")]
    for rows in np.split(rows_by_class, np.cumsum(counts)[:-1]):
        rows = rng.permutation(rows)
        drawn.append(rows[: max(1, round(fraction * len(rows)))])
    return np.sort(np.concatenate(drawn))
