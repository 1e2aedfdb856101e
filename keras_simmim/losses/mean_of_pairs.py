from keras import ops


def mean_of_pairs(x):
    """The mean over ordered pairs of different views, and over all the rest.

    Args:
        x: float tensor `(..., V, V)`, V >= 2 views, of which the diagonal does not count. V may be
            unknown when a graph is built.

    Returns:
        Scalar tensor.
    """
    other_view = 1.0 - ops.eye(ops.shape(x)[-1], dtype=x.dtype)
    return ops.mean(ops.sum(x * other_view, axis=(-2, -1)) / ops.sum(other_view))
