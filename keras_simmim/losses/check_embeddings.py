def check_embeddings(loss, shape):
    """Says so where a shape is not that of the embeddings of several views.

    Args:
        loss: the layer that takes them.
        shape: tuple, in which a graph may leave anything unknown.

    Raises:
        ValueError: where it is neither `(B, V, D)` nor `(B, V, A, D)`, or for a single view.
    """
    views = shape[1] if len(shape) in (3, 4) else 0
    if views is not None and views < 2:
        raise ValueError(
            f"{type(loss).__name__} takes embeddings of shape (batch, views, dim) or (batch, "
            "views, angles, dim), with at least 2 views of each image. "
            f"Received: shape {tuple(shape)}"
        )
