import keras
import numpy as np

from keras_simmim._numbers import check_seed
from keras_simmim.reports.drawn_views import drawn_views
from keras_simmim.reports.tile_figure import tile_figure


def show_views(method: keras.Model, images: np.ndarray, seed: int = 0):
    """Draws images and the views that a method is trained on, as it sees them.

    Args:
        method: a method.
        images: NumPy `(N, H, W, C)`, 0...255, some few: each gets a row.
        seed: integer, 0...2**31 - 1, for the same views each time.

    Returns:
        A Matplotlib figure.

    Raises:
        ValueError: for a seed out of its range.
        ImportError: without the extra `report`, which the message names.
    """
    seed = check_seed("seed", seed)
    rows = [
        [image, *views]
        for image, views in zip(images, drawn_views(method, images, seed), strict=True)
    ]
    titles = ["image", *(f"view {index}" for index in range(1, len(rows[0])))]
    return tile_figure(rows, [titles] * len(rows))
