import torch


def batch_norm(x, gamma, beta, epsilon: float):
    """Normalises channels by the statistics of the batch, in one kernel.

    Takes and returns what `backend/tensorflow/batch_norm.py` says.
    """
    # To torch a permuted tensor is one in its channels_last memory format: nothing is copied.
    planar = torch.movedim(x, -1, 1)
    y, mean, inverse_std = torch.native_batch_norm(
        planar, gamma, beta, None, None, True, 0.0, epsilon
    )
    variance = inverse_std.detach().square().reciprocal() - epsilon
    return torch.movedim(y, 1, -1), mean.detach(), variance
