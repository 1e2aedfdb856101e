from keras import ops


def conv2d(x, kernel, strides: tuple[int, int]):
    """Convolves with padding "same": see `backend/tensorflow/conv2d.py`."""
    return ops.conv(x, kernel, strides=strides, padding="same", data_format="channels_last")
