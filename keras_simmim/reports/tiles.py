import numpy as np

from keras_simmim.reports.data_uri import data_uri
from keras_simmim.reports.masked import masked
from keras_simmim.reports.pictures import Pictures
from keras_simmim.reports.spotlight import spotlight

# More views of an image than these are not shown.
MOST_VIEWS = 8


def view_tiles(seen: Pictures) -> list[list[dict]]:
    """For each image that is shown, itself and its views."""
    return [
        [
            _tile(seen.source.images[row], "image"),
            *(_tile(view, f"view {i}") for i, view in enumerate(views[:MOST_VIEWS], start=1)),
        ]
        for row, views in zip(seen.shown, seen.views, strict=True)
    ]


def attention_tiles(seen: Pictures, layer: str) -> list[list[dict]]:
    """For each image that is shown, itself and what each angle on a layer looks at."""
    tiles = []
    for row, maps in zip(seen.shown, seen.attention[layer], strict=True):
        image = seen.source.images[row]
        lit = [
            {**_tile(spotlight(image, weights), f"angle {i}"), "title": _peak(i, weights)}
            for i, weights in enumerate(maps, start=1)
        ]
        tiles.append([_tile(image, "image"), *lit])
    return tiles


def neighbor_tiles(seen: Pictures) -> list[list[dict]]:
    """For each query, itself and its neighbours, which are right where they are of its class."""
    source = seen.source
    others, labels = source.images, source.labels
    if source.train_images is not None:
        others, labels = source.train_images, source.train_labels
    tiles = []
    for query, rows, similarities in zip(
        seen.queries, seen.neighbors, seen.similarities, strict=True
    ):
        own = None if source.labels is None else source.labels[query]
        line = [_tile(source.images[query], _name(source, own) or "image")]
        for row, similarity in zip(rows, similarities, strict=True):
            label = None if labels is None else labels[row]
            tile = _tile(others[row], _name(source, label) or f"{similarity:.2f}")
            tile["title"] = f"similarity {similarity:.3f}"
            if label is not None and own is not None:
                tile["mark"] = "right" if label == own else "wrong"
            line.append(tile)
        tiles.append(line)
    return tiles


def reconstruction_tiles(seen: Pictures) -> list[list[dict]]:
    """For each image that is shown: masked, reconstructed, and itself."""
    if seen.reconstructions is None:
        return []
    tiles = []
    for row, filled_in, mask in zip(seen.shown, *seen.reconstructions, strict=True):
        image = seen.source.images[row]
        tiles.append(
            [
                _tile(masked(image, mask), "masked"),
                _tile(filled_in, "reconstruction"),
                _tile(image, "image"),
            ]
        )
    return tiles


def _tile(image, caption):
    return {"source": data_uri(image), "caption": caption, "title": caption, "mark": ""}


def _name(source, label):
    return None if label is None else source.class_names[label]


def _peak(angle, weights):
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    return (
        f"angle {angle}: {weights.max():.0%} at row {row + 1}, column {column + 1} of "
        f"{weights.shape[0]}x{weights.shape[1]}; evenly it would be {1 / weights.size:.0%}"
    )
