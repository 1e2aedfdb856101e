import numpy as np

# A tile of similarities takes 64 MB.
_TEST_TILE = 2048
_TRAIN_TILE = 8192
# Votes of a tile, rows x classes, stay below this.
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
        num_classes: number of classes; None: the largest training label plus 1.

    Returns:
        The share of test rows whose label is predicted.

    Raises:
        ValueError: for shapes, labels or features that can't be used.
    """
    test_y = _labels("test_y", test_y, len(test_x))
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
        num_classes: number of classes; None: the largest training label plus 1.

    Returns:
        Labels `(M,)` int64; of classes with equal votes the first.

    Raises:
        ValueError: for shapes, labels or features that can't be used.

    Reference:
        Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination, 2018,
        section 3.4 (arXiv:1805.01978).
    """
    train_y = _labels("train_y", train_y, len(train_x))
    if train_x.ndim != 2 or test_x.ndim != 2 or train_x.shape[1] != test_x.shape[1]:
        raise ValueError(
            "Features must be (images, features), as many for training as for test. "
            f"Received: train_x {train_x.shape}, test_x {test_x.shape}"
        )
    if k < 1 or temperature <= 0 or len(train_x) == 0:
        raise ValueError(
            "`k` must be at least 1, `temperature` above 0, and there must be training rows. "
            f"Received: k={k}, temperature={temperature}, {len(train_x)} training rows"
        )
    if num_classes is None:
        num_classes = int(train_y.max()) + 1
    elif train_y.max() >= num_classes:
        raise ValueError(
            f"`num_classes` must be above every label. Received: num_classes={num_classes}, "
            f"a label {train_y.max()}"
        )
    k = min(k, len(train_x))
    scales = _inverse_norms("train_x", train_x)
    test_scales = _inverse_norms("test_x", test_x)
    rows = max(1, min(_TEST_TILE, _LARGEST_VOTES // num_classes))
    buffer = np.empty(rows * max(_TRAIN_TILE, k), "float32")
    # Data is often sorted by class; in random order every tile brings its share of neighbours.
    order = np.random.default_rng(0).permutation(len(train_x))
    predicted = np.empty(len(test_x), "int64")
    for start in range(0, len(test_x), rows):
        tile = slice(start, start + rows)
        queries = _unit(test_x[tile], test_scales[tile])
        similarities, neighbours = _nearest(queries, train_x, scales, order, k, buffer)
        votes = _votes(similarities, train_y[neighbours], temperature, num_classes)
        predicted[tile] = votes.argmax(axis=1)
    return predicted


def _nearest(queries, train_x, scales, order, k, buffer):
    """The k largest cosine similarities of each query and their training rows, unsorted."""
    best = indices = None
    start, size = 0, k
    while start < len(train_x):
        tile = order[start : start + size]
        keys = _unit(train_x[tile], scales[tile])
        similarities = buffer[: len(queries) * len(keys)].reshape(len(queries), len(keys))
        np.matmul(queries, keys.T, out=similarities)
        if best is None:  # the first tile has k rows
            best = similarities.copy()
            indices = np.broadcast_to(np.arange(k), best.shape).copy()
        else:
            best, indices = _merge(best, indices, similarities, start)
        start += len(keys)
        # As many rows as were seen bring about k rows that belong to the best: little to merge.
        size = min(start, _TRAIN_TILE)
    return best, order[indices]


def _merge(best, indices, similarities, start):
    """Merges a tile of similarities, of keys from `start` on, into the k best so far."""
    k = best.shape[1]
    above = np.flatnonzero(similarities > best.min(axis=1, keepdims=True))
    rows, columns = np.divmod(above, similarities.shape[1])
    counts = np.bincount(rows, minlength=len(best))
    if counts.max() == 0:
        return best, indices
    places = np.arange(len(above)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = k + int(counts.max())
    candidates = np.full((len(best), width), -np.inf, "float32")
    owners = np.zeros((len(best), width), "int64")
    candidates[:, :k], owners[:, :k] = best, indices
    candidates[rows, k + places] = similarities.ravel()[above]
    owners[rows, k + places] = start + columns
    chosen = np.argpartition(candidates, width - k, axis=1)[:, width - k :]
    return np.take_along_axis(candidates, chosen, 1), np.take_along_axis(owners, chosen, 1)


def _votes(similarities, labels, temperature, num_classes):
    """Sum of the weights exp(similarity / temperature) of each class, `(rows, num_classes)`."""
    # A common factor per row changes no vote, and keeps low temperatures from overflowing.
    shifted = similarities - similarities.max(axis=1, keepdims=True)
    weights = np.exp(shifted.astype("float64") / temperature)
    bins = np.arange(len(labels))[:, None] * num_classes + labels
    votes = np.bincount(bins.ravel(), weights.ravel(), minlength=len(labels) * num_classes)
    return votes.reshape(len(labels), num_classes)


def _inverse_norms(name, features):
    """1 / length of each row, float32 `(N, 1)`; of a row of zeros 0."""
    norms = np.empty((len(features), 1), "float32")
    for start in range(0, len(features), _TRAIN_TILE):
        tile = np.asarray(features[start : start + _TRAIN_TILE], "float32")
        norms[start : start + _TRAIN_TILE, 0] = np.sqrt(np.einsum("nf,nf->n", tile, tile))
    if not np.isfinite(norms).all():
        row = int(np.argmin(np.isfinite(norms)))
        raise ValueError(f"Features must be finite. Received: {name} that is not, in row {row}")
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)


def _unit(features, scales):
    return np.asarray(features, "float32") * scales


def _labels(name, labels, length):
    labels = np.asarray(labels)
    if labels.shape != (length,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{name}` must hold an integer for each of the {length} rows of features. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}"
        )
    if length and labels.min() < 0:
        raise ValueError(f"Labels must not be negative. Received: {name} with {labels.min()}")
    return labels.astype("int64")
