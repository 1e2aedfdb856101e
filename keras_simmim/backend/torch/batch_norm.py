import torch


def batch_norm(x, gamma, beta, epsilon: float):
    """Normalises channels by the statistics of the batch, in one kernel.

    Args:
        x: `(..., C)`.
        gamma: `(C,)` float32, scale.
        beta: `(C,)` float32, offset.
        epsilon: what is added to the variance.

    Returns:
        The result in the dtype of x, and mean and (biased) variance `(C,)` float32.
    """
    # To torch a permuted tensor is one in its channels_last memory format: nothing is copied.
    planar = torch.movedim(x, -1, 1)
    y, mean, inverse_std = torch.native_batch_norm(
        planar, gamma, beta, None, None, True, 0.0, epsilon
    )
    variance = inverse_std.detach().square().reciprocal() - epsilon
    return torch.movedim(y, 1, -1), mean.detach(), variance
