"""Cropping, resizing, flipping and blurring as matrices, one pair for every view."""

from keras import ops


def interpolation_matrices(start, length, size: int, image_size: int, flip=None):
    """Matrices that crop and resize along one axis, and mirror it where asked.

    Row j holds the weights of the image's pixels in the view's pixel j: a triangle around the
    sample's position, one pixel wide to either side or, where the crop shrinks, as wide as a
    view's pixel (antialiasing), normalised. These are the weights of Pillow's
    `Image.resize(..., BILINEAR, box=box)`.

    Args:
        start: where the crop starts, in pixels, (B, V).
        length: how long it is, in pixels, (B, V).
        size: length of the view, in pixels.
        image_size: length of the image, in pixels.
        flip: which views are mirrored, boolean, (B, V); None: none.

    Returns:
        Float32 tensor (B, V, size, image_size); its rows sum to 1.
    """
    step = length / size
    first = start + 0.5 * step - 0.5
    width = step
    if flip is not None:
        first = ops.where(flip, first + (size - 1) * step, first)
        step = ops.where(flip, -step, step)
    view_index = ops.arange(size, dtype="float32")
    image_index = ops.arange(image_size, dtype="float32")
    position = first[..., None] + step[..., None] * view_index  # (B, V, size)
    position = ops.minimum(ops.maximum(position, 0.0), image_size - 1.0)
    distance = ops.abs(position[..., None] - image_index)  # (B, V, size, image_size)
    if size >= image_size:
        # No crop can shrink: the triangle is one pixel wide and its rows already sum to 1.
        return ops.relu(1.0 - distance)
    weights = ops.relu(1.0 - distance / ops.maximum(width, 1.0)[..., None, None])
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def blur_matrices(sigma, size: int):
    """Matrices that blur along one axis with a Gaussian.

    The kernel is as long as the axis, where torchvision cuts it to a given length, and at the
    border its part inside the view is normalised, where torchvision mirrors the view.

    Args:
        sigma: standard deviation in pixels, (B, V); 0 gives the identity.
        size: length of the view, in pixels.

    Returns:
        Float32 tensor (B, V, size, size); its rows sum to 1.
    """
    # exp(-1e9) is exactly 0.
    sharpness = ops.where(sigma > 0, 0.5 / ops.square(ops.maximum(sigma, 1e-4)), 1e9)
    index = ops.arange(size, dtype="float32")
    squared_distance = ops.square(index[:, None] - index)
    weights = ops.exp(-sharpness[..., None, None] * squared_distance)
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def resample(images, rows, columns):
    """Makes the views: `rows @ image @ transpose(columns)` for every view and channel.

    Args:
        images: (B, H, W, C), float32.
        rows: (B, V, h, H), float32.
        columns: (B, V, w, W), float32.

    Returns:
        Float32 tensor (B, V, C, h, w): channels come before pixels, in which order a change of
        colours is one matrix product and no pixel has moved twice.
    """
    _, image_height, image_width, channels = images.shape
    _, num_views, height, _ = rows.shape
    width = columns.shape[2]
    # One product for all views of an image: it is read once.
    x = ops.matmul(
        ops.reshape(rows, (-1, num_views * height, image_height)),
        ops.reshape(images, (-1, image_height, image_width * channels)),
    )  # (B, V*h, W*C)
    x = ops.reshape(x, (-1, num_views, height, image_width, channels))
    x = ops.transpose(x, (0, 1, 4, 2, 3))  # (B, V, C, h, W)
    x = ops.reshape(x, (-1, num_views, channels * height, image_width))
    x = ops.matmul(x, ops.transpose(columns, (0, 1, 3, 2)))  # (B, V, C*h, w)
    return ops.reshape(x, (-1, num_views, channels, height, width))


def mean_colors(images, rows, columns):
    """The mean of every channel of every view, without making the views.

    Args:
        images: (B, H, W, C), float32.
        rows: (B, V, h, H), float32.
        columns: (B, V, w, W), float32.

    Returns:
        Float32 tensor (B, V, C).
    """
    _, image_height, image_width, channels = images.shape
    num_views = rows.shape[1]
    x = ops.matmul(
        ops.mean(rows, axis=2),  # (B, V, H)
        ops.reshape(images, (-1, image_height, image_width * channels)),
    )  # (B, V, W*C)
    x = ops.reshape(x, (-1, num_views, image_width, channels))
    x = ops.matmul(ops.mean(columns, axis=2, keepdims=True), x)  # (B, V, 1, C)
    return ops.squeeze(x, axis=2)
