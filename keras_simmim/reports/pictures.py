import dataclasses

import keras
import numpy as np

from keras_simmim import evaluation
from keras_simmim.heads import AttentionHead
from keras_simmim.reports.drawn_views import drawn_views
from keras_simmim.reports.flat_map import LEAST, flat_map
from keras_simmim.reports.nearest_neighbors import nearest_neighbors
from keras_simmim.reports.reconstructions import reconstructions

# Of an image in sheets of views and of angles, and of neighbours.
_SHEET_IMAGES = 6
_QUERIES = 10
_NEIGHBORS = 8
# Images by which it is told how far angles are apart.
_ANGLE_IMAGES = 256


@dataclasses.dataclass
class Images:
    """Images to look at a model with.

    Attributes:
        images: uint8 `(N, H, W, C)`.
        labels: int `(N,)`; None: unknown.
        class_names: names of the labels; empty without them.
        train_images: `(M, H, W, C)` that neighbours and votes are sought in; None: `images`.
        train_labels: int `(M,)`.
        description: what they are, for people.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    class_names: list[str] = dataclasses.field(default_factory=list)
    train_images: np.ndarray | None = None
    train_labels: np.ndarray | None = None
    description: str = "images"


@dataclasses.dataclass
class Pictures:
    """What is to be seen of a model; None or empty where it has no such thing.

    Attributes:
        source: the images that it was looked at with.
        shown: rows of the images in the sheets of views, angles and reconstructions.
        views: for each of them, its views.
        attention: layer to maps `(len(shown), A, h, w)`.
        distances: layer to the mean distance of its angles.
        places: `(N, 2)`, the images on a map.
        queries: rows of images whose neighbours are sought.
        neighbors: `(Q, K)` rows of the training images, or of the images.
        similarities: `(Q, K)`, cosines.
        confusion: `(classes, classes)` counts, true classes in rows.
        reconstructions: reconstructions and masks of the images that are shown.
    """

    source: Images
    shown: np.ndarray
    views: list
    attention: dict[str, np.ndarray]
    distances: dict[str, float]
    places: np.ndarray | None
    queries: np.ndarray
    neighbors: np.ndarray
    similarities: np.ndarray
    confusion: np.ndarray | None
    reconstructions: tuple[np.ndarray, np.ndarray] | None


def pictures(method: keras.Model, source: Images, batch_size: int = 256) -> Pictures:
    """Looks at a method with images and notes what is to be seen.

    Args:
        method: a method.
        source: at least 2 images.
        batch_size: images that are embedded at a time.
    """
    images = source.images
    shown = np.arange(min(_SHEET_IMAGES, len(images)))
    features = evaluation.embed(method, images, batch_size)
    queries = _queries(source)
    if source.train_images is None:
        train_x, own = features, queries
    else:
        train_x, own = evaluation.embed(method, source.train_images, batch_size), None
    count = min(_NEIGHBORS, len(train_x) - (own is not None))
    neighbors, similarities = nearest_neighbors(features[queries], train_x, count, own)
    attention, distances = _angles(method, images)
    return Pictures(
        source=source,
        shown=shown,
        views=drawn_views(method, images[shown]),
        attention={layer: maps[shown] for layer, maps in attention.items()},
        distances=distances,
        places=flat_map(features) if len(images) >= LEAST else None,
        queries=queries,
        neighbors=neighbors,
        similarities=similarities,
        confusion=_confusion(source, train_x, features),
        reconstructions=_reconstructions(method, images[shown]),
    )


def _queries(source):
    """Rows of some images, of as many classes as there are."""
    if source.labels is None:
        return np.arange(min(_QUERIES, len(source.images)))
    _, first = np.unique(source.labels, return_index=True)
    others = np.setdiff1d(np.arange(len(source.images)), first)
    return np.concatenate([first, others])[:_QUERIES]


def _angles(method, images):
    if not isinstance(method.head, AttentionHead):
        return {}, {}
    maps = evaluation.attention_maps(method, images[:_ANGLE_IMAGES])
    return maps, {layer: evaluation.angle_distance(found) for layer, found in maps.items()}


def _confusion(source, train_x, features):
    if source.train_labels is None or source.labels is None:
        return None
    classes = len(source.class_names)
    predicted = evaluation.knn_predict(train_x, source.train_labels, features, num_classes=classes)
    counts = np.zeros((classes, classes), "int64")
    np.add.at(counts, (source.labels, predicted), 1)
    return counts


def _reconstructions(method, images):
    if not hasattr(method, "reconstruct"):
        return None
    return reconstructions(method, images)
