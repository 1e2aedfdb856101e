from collections.abc import Iterable, Iterator

import keras
import numpy as np

from keras_simmim import backend
from keras_simmim._numbers import check_integer, check_seed
from keras_simmim.datasets import Batches
from keras_simmim.encoders.pooling import pool
from keras_simmim.evaluation.check_input import check_input

# Images that are embedded at a time, where nobody says.
BATCH_SIZE = 512


def embed(
    model: keras.layers.Layer,
    images: np.ndarray | Iterable,
    batch_size: int = BATCH_SIZE,
    num_views: int | None = None,
    view_splitter: keras.layers.Layer | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Computes the features of images, or their mean over random views of each image.

    Batches go through the compiled `predict_on_batch`. Those of an array are of one size, so that
    nothing compiles twice, and hold no more images than there are. A last batch of other data is
    filled up to a half, a quarter, ... of a full one. Within `distribution.data_parallel` every
    device embeds its part of a batch, and each process returns all features. Views are drawn and
    encoded one of each image after the other, so that many take no more memory than one.

    Args:
        model: a method, or any encoder (`keras.Model` or layer) from images to a map
            `(B, h, w, F)`, tokens `(B, T, F)` or a vector `(B, F)`. Maps and tokens are averaged
            over their positions in float32.
        images: array or tensor `(N, H, W, C)` as the model takes it; or a `keras.utils.PyDataset`,
            `tf.data.Dataset` or iterable of batches, `images` or `(images, ...)`, of which all but
            the images is ignored. It must come to an end.
        batch_size: most images of a batch, where `images` is an array.
        num_views: number of random views of each image that features are averaged over; None: the
            features of the image itself.
        view_splitter: `ViewSplitter` that draws the views, whatever its own number of them; None:
            the method's own, of several the first.
        seed: seed of the views, a non-negative integer. The same seed, batch size and images give
            the same views.

    Returns:
        NumPy `(N, F)` float32, in the order of the images.

    Raises:
        ValueError: for no images; for a `batch_size` or `num_views` below 1; where there is no
            splitter to draw views with. For images (of data other than arrays, the first batch) of
            another shape or range than a model of raw pixels takes, or with NaN pixels. For a
            dataset of this package that is shuffled or leaves images out, as nobody could tell
            whose features these are.

    Reference:
        The mean over views: Tong et al. 2023, "EMP-SSL: Towards Self-Supervised Learning in One
        Training Epoch" (arXiv 2304.03977), section 3.
    """
    batch_size = check_integer("batch_size", batch_size)
    seed = check_seed("seed", seed)
    draw_view = view_drawer(model, num_views, view_splitter)
    if keras.ops.is_tensor(images):
        images = keras.ops.convert_to_numpy(images)
    check_input(model, images)
    if not isinstance(model, keras.Model):
        model = keras.Sequential([model])
    features = []
    full = 0
    if isinstance(images, np.ndarray):
        batch_size = full = even_batch_size(len(images), batch_size)
    for index, batch in enumerate(_batches(images, batch_size)):
        count = len(batch)
        if count == 0:
            continue
        if index == 0 and not isinstance(images, np.ndarray):
            check_input(model, batch)
        full = max(full, multiple_of_devices(count))
        length = full if isinstance(images, np.ndarray) else _padded_length(count, full)
        if count < length:
            padding = np.broadcast_to(batch[-1:], (length - count, *batch.shape[1:]))
            batch = np.concatenate([batch, padding])
        if num_views is None:
            features.append(_predict(model, batch, count))
        else:
            seeds = np.random.SeedSequence([seed, index]).generate_state(num_views)
            # Ranks must not mix: once TensorFlow's `predict` has seen a 4-D and a 5-D batch, it
            # traces for an unknown rank.
            views = (draw_view(batch, view_seed) for view_seed in seeds)
            features.append(np.mean([_predict(model, view, count) for view in views], axis=0))
    if not features:
        raise ValueError("There are no images to embed.")
    return np.concatenate(features)


def even_batch_size(count: int, batch_size: int) -> int:
    """Returns how many images of an array `embed` takes at a time: batches are of one size.

    Args:
        count: images of the array.
        batch_size: most images of a batch, which the number of devices may round up.
    """
    batches = max(1, -(-count // batch_size))
    return multiple_of_devices(max(1, -(-count // batches)))


def _padded_length(count, full):
    """The least length of a batch, out of a full one halved some times, that holds the images."""
    length = full
    while length % 2 == 0 and length // 2 == multiple_of_devices(length // 2) >= count:
        length //= 2
    return length


def multiple_of_devices(count: int) -> int:
    """The least number of images from `count` on that can be split over the devices."""
    devices = backend.device_count()
    return -(-count // devices) * devices


def view_drawer(model, num_views, view_splitter):
    """A function that draws a view of each image of a batch; None where no views are asked for.

    It takes a batch, its length a multiple of the devices, and a seed of 32 bits, and compiles once
    for each shape.
    """
    if num_views is None:
        if view_splitter is not None:
            raise ValueError(
                "A `view_splitter` needs `num_views`, the views of each image to average over. "
                "Received: num_views=None"
            )
        return None
    num_views = check_integer("num_views", num_views)
    splitter = view_splitter or getattr(model, "view_splitter", None)
    if isinstance(splitter, (list, tuple)):
        splitter = splitter[0]
    if splitter is None:
        raise ValueError(
            "An encoder draws no views: give `view_splitter` too, a "
            "`keras_simmim.views.ViewSplitter`, or embed with the method that trained it. "
            f"Received: num_views={num_views} with {type(model).__name__} '{model.name}'"
        )
    draw = compiled_splitter(splitter, num_views=1)
    # Half of a seed's bits fit all backends' integers.
    return lambda batch, view_seed: draw(batch, view_seed // 2)[:, 0]


def compiled_splitter(view_splitter, **changes):
    """A function that draws views of a batch: what a call of the splitter draws with a seed.

    `predict` compiles where the backend can, which a call alone does not.

    Args:
        view_splitter: `ViewSplitter`, which stays as it is.
        **changes: arguments that differ from the splitter's own.
    """
    splitter = type(view_splitter).from_config({**view_splitter.get_config(), **changes})
    drawer = keras.Sequential([splitter])
    drawer.dtype_policy = "float32"  # pixel values would not fit into bfloat16

    def draw(batch, seed):
        splitter.seed_generator.state.assign([seed, 0])
        return backend.predict_on_batch(drawer, batch)

    return draw


def _predict(model, batch, count):
    return _pool(backend.predict_on_batch(model, batch)[:count])


def _pool(features):
    if features.ndim == 2:
        return np.asarray(features, "float32")
    return keras.ops.convert_to_numpy(pool(keras.ops.convert_to_tensor(features)))


def _batches(source, batch_size) -> Iterator[np.ndarray]:
    if isinstance(source, np.ndarray):
        for start in range(0, len(source), batch_size):
            yield source[start : start + batch_size]
        return
    if isinstance(source, Batches):
        source.check_in_order()
        source = source.whole()  # `predict_on_batch` takes a process's part of a batch
    batches = source
    if isinstance(source, keras.utils.PyDataset):
        if source.num_batches is None:
            raise ValueError("The dataset to embed has no end: `num_batches` is None.")
        batches = (source[index] for index in range(source.num_batches))
    for batch in batches:
        if isinstance(batch, (tuple, list)):
            batch = batch[0]
        batch = keras.ops.convert_to_numpy(batch)
        if batch.ndim == 3:
            raise ValueError(
                "Images to embed must be one array (images, height, width, channels), or batches "
                f"of such: stack or batch them. Received: single images of shape {batch.shape}"
            )
        yield batch
