import torch

from keras_simmim.backend.torch.replicas import gather, mean_of_replicas


def batch_norm_of_replicas(x, gamma, beta, epsilon: float):
    """As `batch_norm`, by the statistics of the whole batch, of which x is this replica's part.

    By one device's kernels, as elementwise operations take longer; `torch.nn.SyncBatchNorm` is for
    GPUs alone.
    """
    planar = torch.movedim(x, -1, 1)
    y, mean, variance = _BatchNormOfReplicas.apply(planar, gamma, beta, epsilon)
    return torch.movedim(y, 1, -1), mean, variance


class _BatchNormOfReplicas(torch.autograd.Function):
    """Kernels of one device on each part, with one message each way."""

    @staticmethod
    def forward(ctx, x, gamma, beta, epsilon):
        # Given statistics to move, though it moves them by nothing, it returns float32.
        like_moving = torch.zeros_like(gamma)
        part = torch.stack(torch.batch_norm_update_stats(x, like_moving, like_moving.clone(), 0.0))
        means, variances = gather(part[None]).unbind(1)  # (replicas, C) each; parts are of one size
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        y, _, _ = torch.native_batch_norm(x, gamma, beta, mean, variance, False, 0.0, epsilon)
        ctx.save_for_backward(x, gamma, mean, torch.rsqrt(variance + epsilon))
        ctx.epsilon = epsilon
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    def backward(ctx, gradient, *_):
        x, gamma, mean, inverse_std = ctx.saved_tensors
        statistics = None, None, mean, inverse_std
        of_x, of_gamma, of_beta = torch.ops.aten.native_batch_norm_backward(
            gradient, x, gamma, *statistics, True, ctx.epsilon, [True, True, True]
        )
        # Of x it takes away the part's mean gradient, and that along x; it is to be the batch's.
        own = torch.stack([of_beta, of_gamma]) / (x.numel() // x.shape[1])
        excess, excess_along = own - mean_of_replicas(own)
        slope = gamma * inverse_std.square() * excess_along
        offset = gamma * inverse_std * excess - slope * mean
        shape = (-1,) + (1,) * (x.ndim - 2)
        slope, offset = (each.view(shape).to(x.dtype) for each in (slope, offset))
        of_x = of_x.addcmul_(x, slope).add_(offset)
        return of_x, of_gamma, of_beta, None
