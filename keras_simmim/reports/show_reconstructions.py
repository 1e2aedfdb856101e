import keras
import numpy as np

from keras_simmim._numbers import check_seed
from keras_simmim.reports.masked import masked
from keras_simmim.reports.reconstructions import reconstructions
from keras_simmim.reports.tile_figure import tile_figure


def show_reconstructions(method: keras.Model, images: np.ndarray, seed: int = 0):
    """Draws what a `MaskedImageModel` is given, what it makes of it, and what was there.

    Args:
        method: `MaskedImageModel`.
        images: NumPy `(N, H, W, C)`, 0...255, some few: each gets a row.
        seed: integer, 0...2**31 - 1, draws the masks.

    Returns:
        A Matplotlib figure.

    Raises:
        ValueError: for a method that reconstructs nothing, or a seed out of its range.
        ImportError: without the extra `report`, which the message names.
    """
    if not hasattr(method, "reconstruct"):
        raise ValueError(
            "Only a `MaskedImageModel` fills masked images in. "
            f"Received: {type(method).__name__} '{method.name}'"
        )
    seed = check_seed("seed", seed)
    filled_in, masks = reconstructions(method, images, seed)
    rows = [
        [masked(image, mask), filled, image]
        for image, filled, mask in zip(images, filled_in, masks, strict=True)
    ]
    return tile_figure(rows, [["masked", "reconstruction", "image"]] * len(rows))
