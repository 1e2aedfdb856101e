import os
import re
import threading
import warnings

import numpy as np
from PIL import ExifTags, Image, ImageOps

from keras_simmim.datasets.image_file_error import ImageFileError

# What the orientations that a camera notes (EXIF) ask for; those from 5 on turn by a quarter.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow warns of notes in a file that it can't read, for each file, though no pixel is lost.
_MODULE = re.compile(r"PIL\.(Tiff|Jpeg)ImagePlugin")
_OF_NOTES = ("ignore", None, UserWarning, _MODULE, 0)
_FILTERING = threading.Lock()


def read_image(path: str | os.PathLike, image_size: tuple[int, int]) -> np.ndarray:
    """Reads an image file, scaled to cover the size asked for and cropped to its centre.

    The orientation that a camera noted (EXIF) is applied, where it can be read, 16 bits become 8,
    grayscale and palettes become RGB, an alpha channel is dropped, and of an animation the first
    frame is read.

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
        with _open(path) as file:
            # JPEG decodes at 1/2, 1/4 or 1/8 many times faster.
            file.draft(None, (height, width) if _orientation(file) >= 5 else (width, height))
            file.load()
            turn = _TURNS.get(_orientation(file))  # a TIFF has been turned by now
            image = _to_rgb(file)
        image = image if turn is None else image.transpose(turn)
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
        return np.array(image)
    except Exception as error:  # the readers of the many formats raise whatever they like
        raise ImageFileError(path, error) from error


def check_header(path: str | os.PathLike) -> None:
    """Raises an `ImageFileError` unless the file begins like an image that can be read."""
    try:
        with _open(path):
            pass
    except Exception as error:
        raise ImageFileError(path, error) from error


def _open(path):
    """Opens a file, whose pixels are not read yet."""
    # No `catch_warnings`, which is not for threads. Others may have dropped the filter by it, or
    # put theirs before it.
    with _FILTERING:
        if _OF_NOTES not in warnings.filters[:1]:
            warnings.filterwarnings("ignore", category=UserWarning, module=_MODULE.pattern)
    file = Image.open(path)
    if file.mode == "F":
        file.close()
        raise ValueError("its pixels are floats of unknown range")
    return file


def _orientation(file):
    """The orientation that a camera noted, 1...8; 1, upright, where there is none to be read."""
    try:
        noted = file.getexif().get(ExifTags.Base.Orientation)
        return noted if noted in _TURNS else 1
    except Exception:  # as above; pixels may be read all the same
        return 1


def _to_rgb(image):
    if image.mode.startswith("I"):  # 16 bits, which Pillow may hold as 32
        pixels = np.asarray(image).astype("int64")
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError("its pixels have more than 16 bits")
        return Image.fromarray(((pixels * 255 + 32767) // 65535).astype("uint8")).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
