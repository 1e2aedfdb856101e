import contextlib
import sys
import types
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_simmim.backend.in_tuples import in_tuples


class DataLook(NamedTuple):
    """What is known of data before any time is spent on it.

    Attributes:
        data: what to use in the place of the data, as a look may have begun to use it up.
        images: some of the images `(N, ...)`: of an array or tensor all, of a torch `DataLoader`
            one, of other data the first batch. None: unknown.
        labels: labels of these images, where the data gives them; else None.
        batch_size: images of the first batch; None: unknown, or arrays, which give no batches yet.
        can_be_shuffled: whether Keras can shuffle the data.
    """

    data: Any
    images: np.ndarray | None = None
    labels: Any = None
    batch_size: int | None = None
    can_be_shuffled: bool = True


def look_at_data(data: Any) -> DataLook:
    """Returns a look at the first images of what `fit`, `evaluate` or `predict` is given.

    A generator is given back with the batch that was taken out of it in front. Datasets are asked
    for their first batch once more: what they read from must be able to begin anew.

    Args:
        data: an array or tensor, a `keras.utils.PyDataset`, a `tf.data.Dataset`, a torch
            `DataLoader`, a Grain dataset or a generator of batches.

    Raises:
        ValueError: for lists and dictionaries of images, and data that does not come in batches.
    """
    if isinstance(data, (list, dict)):
        raise ValueError(
            "Images must be one array, `numpy.stack(images)`, or batches of them. "
            f"Received: a {type(data).__name__} of {len(data)}"
        )
    if isinstance(data, np.ndarray):
        return DataLook(data, data)
    if ops.is_tensor(data) or hasattr(data, "__array__"):
        return DataLook(data, _array(data))
    if hasattr(data, "reads_own_part"):
        # `datasets.Batches` know their images; those of files are uint8.
        first = min(data.batch_size, data.num_images)
        return DataLook(data, getattr(data, "images", None), getattr(data, "labels", None), first)
    if isinstance(data, keras.utils.PyDataset):
        return _look(data, data[0])
    return _look_in_order(data)._replace(can_be_shuffled=False)


def _look_in_order(data):
    """A look at data that comes in an order of its own."""
    if isinstance(data, types.GeneratorType):
        return _look_at_generator(data)
    # Whoever has made such data has imported its framework.
    tensorflow, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
    if tensorflow is not None and isinstance(data, tensorflow.data.Dataset):
        return _look(data, next(iter(data.take(1)), None))
    if torch is not None and isinstance(data, torch.utils.data.DataLoader):
        return _look_at_loader(data, torch)
    if type(data).__module__.partition(".")[0] == "grain":
        return _look(data, next(iter(data), None))
    return DataLook(data)


def _look_at_generator(generator):
    first = next(generator, None)
    if first is None:
        return DataLook(generator)

    def again():
        yield _tuple(first)
        for batch in generator:
            yield _tuple(batch)

    return _look(again(), first)


def _look_at_loader(loader, torch):
    """Looks at an image alone: whole batches would draw numbers, and start processes."""
    data, dataset = in_tuples(loader), loader.dataset
    batch_size = loader.batch_size
    with contextlib.suppress(TypeError):  # a sampler of unknown length
        batch_size = None if batch_size is None else min(batch_size, len(loader.sampler))
    try:
        if isinstance(dataset, torch.utils.data.IterableDataset):
            sample = next(iter(dataset), None)
        else:
            sample = dataset[0]
    except (LookupError, TypeError):  # its sampler gives something else than numbers from 0 on
        return DataLook(data, batch_size=batch_size)
    images, labels = _parts(sample)
    if not isinstance(images, (np.ndarray, torch.Tensor)):  # what becomes images in `collate_fn`
        return DataLook(data, batch_size=batch_size)
    if loader.batch_size is None and loader.batch_sampler is None:
        return _look(data, sample)  # the dataset's elements are batches
    if np.ndim(labels):
        labels = None
    return DataLook(
        data,
        _array(images)[None],
        None if labels is None else _array(labels)[None],
        batch_size,
    )


def _look(data, batch):
    if batch is None:
        return DataLook(data)
    if isinstance(batch, dict):
        raise ValueError(
            "Batches must be images or (images, labels): make them of dictionaries, as by "
            "`dataset.map(lambda batch: (batch['image'], batch['label']))`. "
            f"Received: dictionaries of {', '.join(map(str, batch))}"
        )
    images, labels = _parts(batch)
    if not ops.is_tensor(images) and not hasattr(images, "__array__"):
        return DataLook(data)
    images = _array(images)
    if images.ndim == 3:
        raise ValueError(
            "Data must come in batches of images: `dataset.batch(n)`. "
            f"Received: elements of shape {images.shape}"
        )
    return DataLook(data, images, None if labels is None else _array(labels), len(images))


def _parts(batch):
    """Images and labels of a batch or sample; no labels where it gives none."""
    if isinstance(batch, (tuple, list)):
        return batch[0], batch[1] if len(batch) > 1 else None
    return batch, None


def _tuple(batch):
    """A batch in the form that Keras asks of generators."""
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)


def _array(x):
    return ops.convert_to_numpy(x) if ops.is_tensor(x) else np.asarray(x)
