from keras import ops


def unit_length(x):
    """Divides vectors by their Euclidean length; a vector of length 0 stays as it is.

    Its gradient is finite everywhere, where that of `keras.ops.normalize` is NaN at length 0, which
    a ReLU that is 0 for all of a vector's inputs leads to.

    Args:
        x: float tensor `(..., D)`.

    Returns:
        Tensor of the same shape and dtype.
    """
    squared = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squared, 1e-12))
