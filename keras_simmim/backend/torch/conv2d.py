import torch
from torch.nn import functional as F


def conv2d(x, kernel, strides: tuple[int, int]):
    """Convolves with padding "same": see `backend/tensorflow/conv2d.py`.

    That of Keras 3.15.1 copies its input to channels first and back again (`.contiguous()` in
    `_transpose_spatial_inputs`, keras#23279), and so the gradient: a seventh of a step on a CPU.
    """
    # To torch a permuted tensor is one in its channels_last memory format: nothing is copied, but
    # for views, which come planar, and would leave all that follows so: a third slower.
    planar = torch.movedim(x, -1, 1).contiguous(memory_format=torch.channels_last)
    totals = [
        max((-(-size // stride) - 1) * stride + length - size, 0)
        for size, stride, length in zip(x.shape[1:3], strides, kernel.shape[:2], strict=True)
    ]
    if any(total % 2 for total in totals):
        rows, columns = ((total // 2, total - total // 2) for total in totals)
        planar = F.pad(planar, (*columns, *rows))
        totals = [0, 0]
    y = F.conv2d(
        planar,
        kernel.permute(3, 2, 0, 1),
        stride=strides,
        padding=tuple(total // 2 for total in totals),
    )
    return torch.movedim(y, 1, -1)
