import numpy as np

from keras_simmim.evaluation.check_features import check_finite


def check_embeddings(embeddings: np.ndarray, shapes: dict[int, str], least: int) -> np.ndarray:
    """Returns embeddings in float32, or raises what is wrong with them.

    Args:
        embeddings: float `(N, ..., D)`.
        shapes: what shapes are taken, in words, by number of axes.
        least: least number of images N.

    Raises:
        ValueError: for embeddings of another rank, too few, or that are not finite.
    """
    embeddings = np.asarray(embeddings).astype("float32", copy=False)
    if embeddings.ndim not in shapes or len(embeddings) < least:
        raise ValueError(
            f"Embeddings must be {' or '.join(shapes.values())}, of at least {least} images. "
            f"Received: shape {embeddings.shape}"
        )
    check_finite("embeddings", embeddings.reshape(len(embeddings), -1))
    return embeddings


def unit_length(embeddings: np.ndarray) -> np.ndarray:
    """Divides vectors by their length, as `heads.unit_length` does; zeros stay zeros."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=-1, keepdims=True), 1e-6)
