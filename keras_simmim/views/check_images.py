import itertools

import numpy as np

# Resizing with a cubic kernel overshoots the range of pixels by a part of it.
_OVERSHOOT = 64
# Of a file that is mapped into memory only so many images are read.
_LOOKS = 256


def check_images(images, channels: int | None = None) -> None:
    """Raises what is wrong with an array of images before any time is spent on them.

    Costs a pass over the array, a fraction of a second per GB; of a `numpy.memmap` about 256 images
    are looked at. What is no NumPy array passes.

    Args:
        images: NumPy `(N, H, W, C)` or views `(N, V, h, w, C)`, which should be 0...255.
        channels: the number of channels that a model was made for; None: any.

    Raises:
        ValueError: for another rank or number of channels, no images, what are no numbers, NaN or
            infinite pixels (the images are named), or values that are not 0...255, as those of
            images scaled to 0...1 or -1...1 or of 16 bits are.
    """
    if not isinstance(images, np.ndarray):
        return
    received = f"Received: {images.dtype} array of shape {images.shape}"
    if images.dtype.kind in "OUSMmc":
        raise ValueError(
            "Images must be one array of numbers, 0...255: resize images of different sizes to one "
            "size and stack them, or read a folder of them by `keras_simmim.datasets.from_folder`. "
            f"{received}"
        )
    if images.ndim not in (4, 5):
        raise ValueError(
            "Images must be (images, height, width, channels), or views (images, views, height, "
            "width, channels): give gray images a last axis, `images[..., None]`, and a single "
            f"image a first one, `image[None]`. {received}"
        )
    if images.size == 0:
        raise ValueError(f"There are no images. {received}")
    if channels is not None and images.shape[-1] != channels:
        raise ValueError(
            f"The model was made for images of {channels} channels, on the last axis: "
            f"{_way_to(channels, images.shape)}. {received}"
        )
    stride = max(1, len(images) // _LOOKS) if isinstance(images, np.memmap) else 1
    _check_values(images[::stride], stride, received)


def _way_to(channels, shape):
    """What to do with images of this shape, of which a model expects other channels."""
    if shape[-3] == channels:
        return "these have them first, so move them by `numpy.moveaxis(images, -3, -1)`"
    if (shape[-1], channels) == (4, 3):
        return "leave out the alpha channel by `images[..., :3]`"
    if (shape[-1], channels) == (1, 3):
        return "turn gray into RGB by `numpy.repeat(images, 3, axis=-1)`"
    return "give it such images, or make its encoder for these by `image_shape`"


def _check_values(images, stride, received):
    # NaN is the minimum and the maximum of whatever holds it.
    low, high = float(images.min()), float(images.max())
    if not np.isfinite(low + high):
        bad = (i * stride for i, image in enumerate(images) if not np.isfinite(image).all())
        first = ", ".join(str(index) for index in itertools.islice(bad, 5))
        more = ", ..." if next(bad, None) is not None else ""
        raise ValueError(
            "Images hold pixels that are NaN or infinite: repair these images or leave them out, "
            f"`images[numpy.isfinite(images).all(axis={tuple(range(1, images.ndim))})]`. "
            f"{received}, with such pixels in image {first}{more}"
        )
    way = None
    if low < 0 and high < 16:
        way = "scale them back to pixel values, of -1...1 by `(images + 1) * 127.5`"
    elif 0 < high <= 1:
        way = "multiply them by 255, as images of 0...1 look black"
    elif high > 255 + _OVERSHOOT or low < -_OVERSHOOT:
        way = "scale them to that range, of 16 bits by `images / 257`"
    if way is not None:
        raise ValueError(
            f"Pixel values must be 0...255, uint8 or float: {way}. "
            f"Received: values of {low:g}...{high:g}, {received.removeprefix('Received: ')}"
        )
