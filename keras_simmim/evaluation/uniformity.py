import math

import numpy as np

from keras_simmim._numbers import check_number
from keras_simmim.evaluation.check_embeddings import check_embeddings, unit_length

# A tile of pairs takes 16 MB.
_TILE = 2048


def uniformity(embeddings: np.ndarray, t: float = 2.0) -> float:
    """Log of the mean over pairs of images of exp(-t * squared distance), at unit length.

    Over all pairs i < j. It is 0 where all embeddings are the same, and the lower the more evenly
    they spread over the sphere. Runs in tiles of pairs, so that the memory it needs grows with N
    and not with its square.

    Args:
        embeddings: float `(N, D)`, N >= 2, of one view and angle of each image; or features. They
            are brought to unit length.
        t: positive float.

    Returns:
        -4 * t...0. Evenly spread in D dimensions, D large, it is near -2 * t (1 - t / D).

    Raises:
        ValueError: for embeddings of another rank, fewer than 2, or that are not finite, or for a
            `t` that is not positive.

    Reference:
        Wang and Isola 2020, "Understanding Contrastive Representation Learning through Alignment
        and Uniformity on the Hypersphere" (arXiv 2005.10242), section 4.1.
    """
    t = check_number("t", t, above=0)
    z = unit_length(check_embeddings(embeddings, {2: "(images, dim)"}, least=2))
    squares = np.sum(z * z, axis=-1, keepdims=True)
    ones = np.ones_like(squares)
    # Dot products of these are -t * (|a|^2 + |b|^2 - 2 a.b).
    left = np.concatenate([2 * t * z, -t * squares, -t * ones], axis=-1, dtype="float32")
    right = np.concatenate([z, ones, squares], axis=-1)
    total = -math.inf
    for start in range(0, len(z), _TILE):
        rows = left[start : start + _TILE]
        for other in range(start, len(z), _TILE):
            exponents = rows @ right[other : other + _TILE].T
            if other == start:
                exponents[np.tril_indices(len(rows))] = -math.inf
            total = float(np.logaddexp(total, _log_sum_exp(exponents)))
    return total - math.log(len(z) * (len(z) - 1) / 2)


def _log_sum_exp(x):
    """Log of the sum of exp(x), whatever is in `x` being lost."""
    largest = x.max()
    if largest == -math.inf:
        return -math.inf
    x -= largest
    return float(largest) + math.log(np.exp(x, out=x).sum())
