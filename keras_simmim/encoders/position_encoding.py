import math

from keras import ops


def sincos_positions(height, width, channels, max_wavelength=10000.0):
    """Fixed 2-D sine-cosine position encoding of a grid.

    With `w_i = max_wavelength ** (-i / (channels / 4))`, the position in row r and column c has
    `[sin(c * w_i), cos(c * w_i), sin(r * w_i), cos(r * w_i)]`, each of the four for all
    `i < channels / 4`.

    Args:
        height: rows of the grid.
        width: columns of the grid.
        channels: channels of the encoding, a multiple of 4.
        max_wavelength: what 2 pi times makes the longest wavelength, in positions.

    Returns:
        `(height * width, channels)` float32, row by row.

    Reference:
        Vaswani et al. 2017, "Attention Is All You Need" (arXiv 1706.03762), section 3.5, in the 2-D
        form of Chen et al. 2021, "MoCo v3" (arXiv 2104.02057) and He et al. 2022, "MAE" (arXiv
        2111.06377): columns in the first half of the channels, rows in the second.
    """
    count = channels // 4
    frequencies = ops.exp(ops.arange(count, dtype="float32") * (-math.log(max_wavelength) / count))
    columns = ops.arange(width, dtype="float32")[:, None] * frequencies  # (width, count)
    rows = ops.arange(height, dtype="float32")[:, None] * frequencies  # (height, count)
    columns = ops.concatenate([ops.sin(columns), ops.cos(columns)], axis=-1)
    rows = ops.concatenate([ops.sin(rows), ops.cos(rows)], axis=-1)
    grid = (height, width, 2 * count)
    encoding = ops.concatenate(
        [ops.broadcast_to(columns[None], grid), ops.broadcast_to(rows[:, None], grid)], axis=-1
    )
    return ops.reshape(encoding, (-1, channels))  # (height * width, channels)
