from collections.abc import Iterable, Iterator

import keras
import numpy as np

from keras_simmim.encoders.pooling import pool


def embed(
    model: keras.layers.Layer, images: np.ndarray | Iterable, batch_size: int = 512
) -> np.ndarray:
    """Computes the features of images.

    Batches go through the compiled `predict_on_batch`; a batch that is not full is filled up, so
    that nothing compiles twice.

    Args:
        model: a method, or any encoder (`keras.Model` or layer) from images to a map
            `(B, h, w, F)`, tokens `(B, T, F)` or a vector `(B, F)`. Maps and tokens are averaged
            over their positions in float32.
        images: NumPy array `(N, H, W, C)` as the model takes it; or a `keras.utils.PyDataset`,
            `tf.data.Dataset` or iterable of batches, `images` or `(images, ...)`, of which all but
            the images is ignored. It must come to an end.
        batch_size: images of a batch where `images` is an array.

    Returns:
        NumPy `(N, F)` float32, in the order of the images.

    Raises:
        ValueError: where there are no images, or `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")
    if not isinstance(model, keras.Model):
        model = keras.Sequential([model])
    features = []
    full = batch_size if isinstance(images, np.ndarray) else 0
    for batch in _batches(images, batch_size):
        count = len(batch)
        if count == 0:
            continue
        full = max(full, count)
        if count < full:
            padding = np.broadcast_to(batch[-1:], (full - count, *batch.shape[1:]))
            batch = np.concatenate([batch, padding])
        features.append(_pool(model.predict_on_batch(batch)[:count]))
    if not features:
        raise ValueError("There are no images to embed.")
    return np.concatenate(features)


def _pool(features):
    if features.ndim == 2:
        return np.asarray(features, "float32")
    return keras.ops.convert_to_numpy(pool(keras.ops.convert_to_tensor(features)))


def _batches(source, batch_size) -> Iterator[np.ndarray]:
    if isinstance(source, np.ndarray):
        for start in range(0, len(source), batch_size):
            yield source[start : start + batch_size]
        return
    batches = source
    if isinstance(source, keras.utils.PyDataset):
        if source.num_batches is None:
            raise ValueError("The dataset to embed has no end: `num_batches` is None.")
        batches = (source[index] for index in range(source.num_batches))
    for batch in batches:
        if isinstance(batch, (tuple, list)):
            batch = batch[0]
        yield keras.ops.convert_to_numpy(batch)
