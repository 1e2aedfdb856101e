from keras import ops


def conv2d(x, kernel, strides: tuple[int, int]):
    """Convolves with padding "same".

    Args:
        x: `(B, H, W, C)`.
        kernel: `(height, width, C, F)`.
        strides: of rows and columns.

    Returns:
        `(B, ceil(H / strides[0]), ceil(W / strides[1]), F)`.
    """
    return ops.conv(x, kernel, strides=strides, padding="same", data_format="channels_last")
