import itertools

import numpy as np


def angle_distance(maps: np.ndarray) -> float:
    """Mean distance between what two angles look at: the share of it that would move.

    The total variation distance, half the sum of absolute differences, over all pairs of angles and
    all images.

    Args:
        maps: `(N, A, h, w)`, each angle's weights summing to 1, as `attention_maps` gives them;
            N >= 1.

    Returns:
        0...1: 0 where all angles look alike, 1 where no two look at the same position; 0 of one
        angle.

    Raises:
        ValueError: for maps of another rank, or none.
    """
    if maps.ndim != 4 or 0 in maps.shape:
        raise ValueError(
            "Maps must be (images, angles, rows, columns), with at least one of each. "
            f"Received: shape {maps.shape}"
        )
    pairs = list(itertools.combinations(range(maps.shape[1]), 2))
    if not pairs:
        return 0.0
    apart = [np.abs(maps[:, a] - maps[:, b]).sum(axis=(1, 2)).mean() / 2 for a, b in pairs]
    return float(np.mean(apart))
