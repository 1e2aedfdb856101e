from collections.abc import Sequence

import keras
import numpy as np

from keras_simmim import evaluation
from keras_simmim._numbers import check_integer
from keras_simmim.reports.nearest_neighbors import nearest_neighbors
from keras_simmim.reports.tile_figure import tile_figure


def show_neighbors(
    model: keras.layers.Layer,
    images: np.ndarray,
    queries: int | Sequence[int] = 6,
    neighbors: int = 8,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    batch_size: int = 256,
):
    """Draws images and those whose features are most similar to theirs, by cosine similarity.

    Args:
        model: a method or an encoder.
        images: NumPy `(N, H, W, C)`, 0...255, that neighbours are sought among.
        queries: rows of the images whose neighbours are shown; a number: the first of them.
        neighbors: how many of each are shown, below N.
        labels: `(N,)`, shown where they are given; else the similarities are.
        class_names: names of the labels; None: their numbers.
        batch_size: images that are embedded at a time.

    Returns:
        A Matplotlib figure, a row for each query.

    Raises:
        ValueError: for as many neighbours as there are images, or more, queries that are no rows of
            them, or another number out of its range.
        ImportError: without the extra `report`, which the message names.
    """
    batch_size = check_integer("batch_size", batch_size)
    neighbors = check_integer("neighbors", neighbors)
    if neighbors >= len(images):
        raise ValueError(
            "An image has fewer neighbours than there are images. "
            f"Received: neighbors={neighbors}, {len(images)} images"
        )
    rows = _rows(queries, len(images))
    features = evaluation.embed(model, images, batch_size)
    found, similarities = nearest_neighbors(features[rows], features, neighbors, own=rows)

    def name(row, otherwise):
        if labels is None:
            return otherwise
        return str(labels[row]) if class_names is None else class_names[labels[row]]

    tiles, titles = [], []
    for query, others, near in zip(rows, found, similarities, strict=True):
        tiles.append([images[query], *images[others]])
        names = [name(row, f"{value:.2f}") for row, value in zip(others, near, strict=True)]
        titles.append([name(query, "image"), *names])
    return tile_figure(tiles, titles)


def _rows(queries, count):
    """Rows of the queries, checked."""
    if np.ndim(queries) == 0:
        advice = f" up to {count}, or a list of rows"
        return np.arange(check_integer("queries", queries, most=count, advice=advice))
    return np.array([check_integer("queries", row, least=0, most=count - 1) for row in queries])
