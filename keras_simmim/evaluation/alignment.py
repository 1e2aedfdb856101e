import numpy as np

from keras_simmim.evaluation.check_embeddings import check_embeddings, unit_length


def alignment(embeddings: np.ndarray) -> float:
    """Mean squared distance between the unit-length embeddings of two views of one image.

    Over all pairs of different views, all images and all angles. It is 0 where the views of an
    image agree, which collapsed ones do too: read it with `uniformity`.

    Args:
        embeddings: float `(N, V, D)` or `(N, V, A, D)`: N images, V >= 2 views, A angles. They are
            brought to unit length.

    Returns:
        0...4; 2 for views that have nothing to do with each other.

    Raises:
        ValueError: for embeddings of another rank, none, one view, or that are not finite.

    Reference:
        Wang and Isola 2020, "Understanding Contrastive Representation Learning through Alignment
        and Uniformity on the Hypersphere" (arXiv 2005.10242), section 4.1, with alpha = 2.
    """
    shapes = {3: "(images, views, dim)", 4: "(images, views, angles, dim)"}
    z = unit_length(check_embeddings(embeddings, shapes, least=1))
    views = z.shape[1]
    if views < 2:
        raise ValueError(
            "Alignment compares the views of an image and needs at least 2 of them on axis 1. "
            f"Received: shape {z.shape}"
        )
    # The mean over pairs of squared distances is 2V / (V - 1) times the variance over the views.
    return float(2 * views / (views - 1) * np.var(z, axis=1).sum(axis=-1).mean())
