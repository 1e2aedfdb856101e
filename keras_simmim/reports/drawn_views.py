import keras
import numpy as np

from keras_simmim.evaluation.embed import compiled_splitter


def drawn_views(method: keras.Model, images: np.ndarray, seed: int = 0) -> list[list[np.ndarray]]:
    """The views of images that a method's splitters draw, as it sees them in training.

    Args:
        method: a method.
        images: NumPy `(N, H, W, C)`, 0...255.
        seed: integer, for the same views each time.

    Returns:
        For each image the list of its views, float32 `(h, w, C)`, 0...255; those of several
        splitters, which may differ in size, one after another.
    """
    drawn = [
        compiled_splitter(splitter)(images, seed + index)
        for index, splitter in enumerate(method.view_splitters)
    ]
    return [[view for views in drawn for view in views[index]] for index in range(len(images))]
