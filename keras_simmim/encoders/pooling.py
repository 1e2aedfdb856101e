from keras import ops


def pool(features):
    """Averages features over their positions.

    Args:
        features: float tensor: map `(B, h, w, F)`, tokens `(B, T, F)` or vector `(B, F)`.

    Returns:
        `(B, F)` float32.

    Raises:
        ValueError: for features of another rank.
    """
    _check_rank(features)
    features = ops.cast(features, "float32")
    axes = tuple(range(1, len(features.shape) - 1))
    return ops.mean(features, axis=axes) if axes else features


def flatten_positions(features):
    """Lays the positions of features out in one row.

    Args:
        features: float tensor: map `(B, h, w, F)`, tokens `(B, T, F)` or vector `(B, F)`.

    Returns:
        `(B, T, F)` in the dtype of the features: T is h * w row by row, T, or 1.

    Raises:
        ValueError: for features of another rank.
    """
    _check_rank(features)
    if len(features.shape) == 2:
        return ops.expand_dims(features, 1)
    if len(features.shape) == 3:
        return features
    _, height, width, channels = features.shape
    if height is None or width is None:
        return ops.reshape(features, (ops.shape(features)[0], -1, channels))
    return ops.reshape(features, (-1, height * width, channels))


def _check_rank(features):
    if len(features.shape) not in (2, 3, 4):
        raise ValueError(
            "Features must be a map (batch, height, width, channels), tokens (batch, positions, "
            f"channels) or a vector (batch, channels). Received: shape {tuple(features.shape)}"
        )
