import os

import numpy as np
from PIL import ExifTags, Image, ImageOps

from keras_simmim.datasets.image_file_error import ImageFileError

# EXIF orientations that turn an image by a quarter.
_QUARTER_TURNS = (5, 6, 7, 8)


def read_image(path: str | os.PathLike, image_size: tuple[int, int]) -> np.ndarray:
    """Reads an image file, scaled to cover the size asked for and cropped to its centre.

    The orientation that a camera noted (EXIF) is applied, 16 bits become 8, grayscale and palettes
    become RGB, an alpha channel is dropped, and of an animation the first frame is read.

    Args:
        path: the file.
        image_size: `(height, width)`.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        ImageFileError: for a file that can't be read.
    """
    height, width = image_size
    try:
        with Image.open(path) as file:
            orientation = file.getexif().get(ExifTags.Base.Orientation)
            turned = orientation in _QUARTER_TURNS
            # JPEG decodes at 1/2, 1/4 or 1/8 many times faster.
            file.draft(None, (height, width) if turned else (width, height))
            image = _to_rgb(ImageOps.exif_transpose(file))
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
        return np.array(image)
    except Exception as error:  # the readers of the many formats raise whatever they like
        raise ImageFileError(path, error) from error


def check_header(path: str | os.PathLike) -> None:
    """Raises an `ImageFileError` unless the file begins like an image."""
    try:
        with Image.open(path):
            pass
    except Exception as error:
        raise ImageFileError(path, error) from error


def _to_rgb(image):
    if image.mode.startswith("I"):  # 16 bits, which Pillow may hold as 32
        pixels = np.asarray(image).astype("int64")
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError("its pixels have more than 16 bits")
        return Image.fromarray(((pixels * 255 + 32767) // 65535).astype("uint8")).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are floats of unknown range")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
