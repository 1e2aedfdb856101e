import base64
import io
import math

import numpy as np
from PIL import Image

from keras_simmim.reports.spotlight import as_pillow

# Below this side PNG is as small as JPEG, and exact.
_SMALL = 64


def data_uri(image: np.ndarray, largest: int = 160) -> str:
    """An image as the address of itself, for a page that needs no other file.

    Args:
        image: `(H, W, C)`, 0...255.
        largest: side in pixels to which larger ones are reduced.
    """
    picture = as_pillow(image)
    picture.thumbnail((largest, largest))
    return _encode(picture, "PNG" if max(picture.size) < _SMALL else "JPEG", 85)


def sprite(images: np.ndarray, most_bytes: int, largest: int = 48) -> tuple[str, int, int, int]:
    """Many images as one, row by row, as small as is asked for.

    Args:
        images: `(N, H, W, C)`, 0...255.
        most_bytes: what it may take about; quality is lowered until it does.
        largest: side in pixels to which images are reduced.

    Returns:
        Its address, the width and height of one image, and how many are in a row.
    """
    small = [as_pillow(image) for image in images]
    for picture in small:
        picture.thumbnail((largest, largest))
    width, height = small[0].size
    columns = math.ceil(math.sqrt(len(small)))
    sheet = Image.new("RGB", (columns * width, -(-len(small) // columns) * height))
    for index, picture in enumerate(small):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    for quality in (85, 70, 50, 30):
        address = _encode(sheet, "JPEG", quality)
        if len(address) <= most_bytes:
            break
    return address, width, height, columns


def _encode(picture, form, quality):
    file = io.BytesIO()
    picture.save(file, form, quality=quality)
    encoded = base64.b64encode(file.getvalue()).decode()
    return f"data:image/{form.lower()};base64,{encoded}"
