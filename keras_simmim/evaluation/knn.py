import math

import numpy as np

from keras_simmim._numbers import check_integer, check_number
from keras_simmim.evaluation.check_features import (
    check_features,
    check_finite,
    check_labels,
    check_rows,
)

# A tile of similarities takes 64 MB.
_TEST_TILE = 2048
_TRAIN_TILE = 8192
# Least number of training rows that thresholds are chosen by.
_SAMPLE = 2048
# Votes that are counted at a time, rows x classes, stay below this.
_LARGEST_VOTES = 2**23


def knn_accuracy(
    train_x: np.ndarray,
    train_y: np.ndarray,
    test_x: np.ndarray,
    test_y: np.ndarray,
    k: int = 200,
    temperature: float = 0.1,
    num_classes: int | None = None,
) -> float:
    """Accuracy of the weighted kNN classifier, 0...1; see `knn_predict`.

    Args:
        train_x: features `(N, F)`.
        train_y: integer labels `(N,)`.
        test_x: features `(M, F)`.
        test_y: integer labels `(M,)`.
        k: neighbours that vote; if there are fewer training rows, all of them do.
        temperature: temperature of the votes.
        num_classes: a number that every training label is below; None: any labels. Time and memory
            go by the number of different labels, whatever they are.

    Returns:
        The share of test rows whose label is predicted.

    Raises:
        ValueError: for no rows, or shapes, labels or features that can't be used.
    """
    test_y = check_labels("test_y", test_y, len(test_x))
    check_rows(train_x, test_x)
    predicted = knn_predict(train_x, train_y, test_x, k, temperature, num_classes)
    return float(np.mean(predicted == test_y))


def knn_predict(
    train_x: np.ndarray,
    train_y: np.ndarray,
    test_x: np.ndarray,
    k: int = 200,
    temperature: float = 0.1,
    num_classes: int | None = None,
) -> np.ndarray:
    """Classifies by the votes of the k most similar training rows, exp(cosine / temperature) each.

    Runs in tiles over both sets, so that it needs less than 500 MB beside the features, however
    many there are.

    Args:
        train_x: features `(N, F)`.
        train_y: integer labels `(N,)`.
        test_x: features `(M, F)`.
        k: neighbours that vote; if there are fewer training rows, all of them do.
        temperature: temperature of the votes.
        num_classes: a number that every training label is below; None: any labels. Time and memory
            go by the number of different labels, whatever they are.

    Returns:
        Labels `(M,)` int64; of classes with equal votes the smallest.

    Raises:
        ValueError: for shapes, labels or features that can't be used.

    Reference:
        Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination, 2018,
        section 3.4 (arXiv:1805.01978).
    """
    train_y = check_labels("train_y", train_y, len(train_x))
    check_features(train_x, test_x)
    k = check_integer("k", k)
    temperature = check_number("temperature", temperature, above=0)
    num_classes = check_integer("num_classes", num_classes, optional=True)
    if len(train_x) == 0:
        raise ValueError("There must be training rows. Received: 0 training rows")
    if num_classes is not None and train_y.max() >= num_classes:
        raise ValueError(
            f"`num_classes` must be above every label. Received: num_classes={num_classes}, "
            f"a label {train_y.max()}"
        )
    classes, train_classes = np.unique(train_y, return_inverse=True)
    k = min(k, len(train_x))
    scales = _inverse_norms("train_x", train_x)
    test_scales = _inverse_norms("test_x", test_x)
    sample = _sample(train_x, scales)
    predicted = np.empty(len(test_x), "int64")
    buffer = np.empty(_TEST_TILE * max(_TRAIN_TILE, k), "float32")
    for start in range(0, len(test_x), _TEST_TILE):
        tile = slice(start, start + _TEST_TILE)
        queries = _unit(test_x[tile], test_scales[tile])
        similarities, neighbours = _nearest(queries, train_x, scales, sample, k, buffer)
        chosen = _most_voted(similarities, train_classes[neighbours], temperature, len(classes))
        predicted[tile] = classes[chosen]
    return predicted


def _sample(train_x, scales):
    """Unit vectors of a random part of the training rows, by which thresholds are chosen."""
    size = min(max(_SAMPLE, len(train_x) // 32), _TRAIN_TILE, len(train_x))
    chosen = np.random.default_rng(0).permutation(len(train_x))[:size]
    return _unit(train_x[chosen], scales[chosen])


def _nearest(queries, train_x, scales, sample, k, buffer):
    """The k largest cosine similarities of each query and their training rows, unsorted."""
    threshold = _threshold(_similarities(queries, sample, buffer), k, len(train_x))
    hits = []
    for start in range(0, len(train_x), _TRAIN_TILE):
        tile = slice(start, start + _TRAIN_TILE)
        similarities = _similarities(queries, _unit(train_x[tile], scales[tile]), buffer)
        hits.append(_above(similarities, threshold, start))
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*hits, strict=True))
    best, neighbours = _largest(rows, columns, values, len(queries), k)
    # Too few above: by bad luck, or among many that are equally near.
    short = np.flatnonzero(np.bincount(rows, minlength=len(queries)) < k)
    step = max(1, len(buffer) // len(train_x))
    for start in range(0, len(short), step):
        chosen = short[start : start + step]
        best[chosen], neighbours[chosen] = _from_all(queries[chosen], train_x, scales, k)
    return best, neighbours


def _from_all(queries, train_x, scales, k):
    """What `_nearest` returns, from all similarities at once."""
    tiles = (slice(i, i + _TRAIN_TILE) for i in range(0, len(train_x), _TRAIN_TILE))
    keys = (_unit(train_x[tile], scales[tile]) for tile in tiles)
    similarities = np.concatenate([queries @ key.T for key in keys], axis=1)
    found = np.argpartition(similarities, -k, axis=1)[:, -k:]
    return np.take_along_axis(similarities, found, axis=1), found


def _similarities(queries, keys, buffer):
    out = buffer[: len(queries) * len(keys)].reshape(len(queries), len(keys))
    return np.matmul(queries, keys.T, out=out)


def _threshold(similarities, k, total):
    """What somewhat more than k training rows exceed, judged by a sample of them, `(rows, 1)`."""
    sample = similarities.shape[1]
    expected = k * sample / total
    # Four standard deviations of the count more, so that hardly ever fewer than k exceed it.
    rank = math.ceil(expected + 4 * math.sqrt(expected) + 4)
    if rank >= sample:
        return np.full((len(similarities), 1), -np.inf, "float32")
    return np.partition(similarities, sample - rank, axis=1)[:, sample - rank, None]


def _above(similarities, threshold, start):
    """Rows, columns (from `start` on) and values of the similarities above the threshold."""
    above = np.flatnonzero(similarities > threshold)
    rows, columns = np.divmod(above, similarities.shape[1])
    return rows.astype("int32"), (start + columns).astype("int32"), similarities.ravel()[above]


def _largest(rows, columns, values, num_rows, k):
    """The k largest values of each row and their columns; filled up where there are fewer."""
    order = np.argsort(rows, kind="stable")
    rows, columns, values = rows[order], columns[order], values[order]
    counts = np.bincount(rows, minlength=num_rows)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = max(k, int(counts.max(initial=0)))
    candidates = np.full((num_rows, width), -np.inf, "float32")
    owners = np.zeros((num_rows, width), "int32")
    candidates[rows, places], owners[rows, places] = values, columns
    chosen = np.argpartition(candidates, width - k, axis=1)[:, width - k :]
    return np.take_along_axis(candidates, chosen, 1), np.take_along_axis(owners, chosen, 1)


def _most_voted(similarities, voters, temperature, num_classes):
    """The class, 0...num_classes - 1, of the largest sum of weights exp(similarity / temperature).

    Args:
        similarities: of each row's neighbours, `(rows, k)`.
        voters: their classes, `(rows, k)`.
        temperature: temperature of the votes.
        num_classes: number of classes.
    """
    # A common factor per row changes no vote, and keeps low temperatures from overflowing.
    shifted = similarities - similarities.max(axis=1, keepdims=True)
    weights = np.exp(shifted.astype("float64") / temperature)
    chosen = np.empty(len(voters), "int64")
    step = max(1, _LARGEST_VOTES // num_classes)
    for start in range(0, len(voters), step):
        part = slice(start, start + step)
        rows = len(voters[part])
        bins = np.arange(rows)[:, None] * num_classes + voters[part]
        votes = np.bincount(bins.ravel(), weights[part].ravel(), minlength=rows * num_classes)
        chosen[part] = votes.reshape(rows, num_classes).argmax(axis=1)
    return chosen


def _inverse_norms(name, features):
    """1 / length of each row, float32 `(N, 1)`; of a row of zeros 0."""
    norms = np.empty((len(features), 1), "float32")
    for start in range(0, len(features), _TRAIN_TILE):
        tile = np.asarray(features[start : start + _TRAIN_TILE], "float32")
        norms[start : start + _TRAIN_TILE, 0] = np.sqrt(np.einsum("nf,nf->n", tile, tile))
    check_finite(name, norms)
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)


def _unit(features, scales):
    return np.asarray(features, "float32") * scales
