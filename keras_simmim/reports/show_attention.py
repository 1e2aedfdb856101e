import keras
import numpy as np

from keras_simmim import evaluation
from keras_simmim.reports.spotlight import spotlight
from keras_simmim.reports.tile_figure import tile_figure


def show_attention(method: keras.Model, images: np.ndarray):
    """Draws where each angle of a method looks in images: bright where its attention is.

    How far angles are apart stands in the title, see `evaluation.angle_distance`.

    Args:
        method: a method with an attention head, such as `SimMIM`.
        images: NumPy `(N, H, W, C)`, 0...255, some few: each gets a row.

    Returns:
        A Matplotlib figure; the angles of inner heads follow those of the head.

    Raises:
        ValueError: for a method without an attention head.
        ImportError: without the extra `report`, which the message names.
    """
    maps = evaluation.attention_maps(method, images)
    rows = [
        [image, *(spotlight(image, weights) for found in maps.values() for weights in found[index])]
        for index, image in enumerate(images)
    ]
    titles = ["image", *(f"angle {index}" for index in range(1, len(rows[0])))]
    figure = tile_figure(rows, [titles] * len(rows))
    apart = [f"{evaluation.angle_distance(found):.0%} on {name}" for name, found in maps.items()]
    figure.suptitle(f"Angles differ by {', '.join(apart)}", fontsize=10)
    return figure
