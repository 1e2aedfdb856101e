import numpy as np


def nearest_neighbors(
    queries: np.ndarray, features: np.ndarray, count: int, own: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of features that are most similar to each query, by cosine similarity.

    Args:
        queries: `(Q, F)`, few.
        features: `(N, F)`.
        count: neighbours of each query, at most N (N - 1 with `own`).
        own: int `(Q,)`, the row of `features` that is the query itself, which is left out; None:
            queries are no rows of them.

    Returns:
        Rows `(Q, count)` int64, the nearest first, and their similarities `(Q, count)`, -1...1.
    """
    similarities = _unit(queries) @ _unit(features).T
    if own is not None:
        similarities[np.arange(len(queries)), own] = -np.inf
    nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :count]
    return nearest, np.take_along_axis(similarities, nearest, axis=1)


def _unit(features):
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
