import sys

import numpy as np
from keras import ops


def sample_of_data(data):
    """Some of the images that `fit` is given, to look at before any time is spent on them.

    Args:
        data: what `fit` takes.

    Returns:
        NumPy `(N, ...)`: of an array or a tensor all, of a `tf.data.Dataset` of floats the first
        batch, of a torch `DataLoader` the first image. None of other data, which could only be
        looked at by beginning to use them up, and of uint8 datasets, whose values are right.

    Raises:
        ValueError: for lists and dictionaries of images, and datasets that are not batched.
    """
    if isinstance(data, (list, dict)):
        raise ValueError(
            "Images must be one array, `numpy.stack(images)`, or batches of them. "
            f"Received: a {type(data).__name__} of {len(data)}"
        )
    if isinstance(data, np.ndarray):
        return data
    if ops.is_tensor(data):
        return ops.convert_to_numpy(data)
    # Whoever has made such data has imported its framework.
    tensorflow, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
    if tensorflow is not None and isinstance(data, tensorflow.data.Dataset):
        return _of_dataset(data, tensorflow)
    if torch is not None and isinstance(data, torch.utils.data.DataLoader):
        return _of_loader(data, torch)
    return None


def _of_dataset(dataset, tensorflow):
    spec = dataset.element_spec
    if isinstance(spec, dict):
        raise ValueError(
            "Batches must be images or (images, labels): "
            "`dataset.map(lambda batch: (batch['image'], batch['label']))`. "
            f"Received: dictionaries of {', '.join(map(str, spec))}"
        )
    spec = spec[0] if isinstance(spec, tuple) else spec
    if not isinstance(spec, tensorflow.TensorSpec):
        return None
    if spec.shape.rank == 3:
        raise ValueError(
            "A dataset must give batches of images: `dataset.batch(n)`. "
            f"Received: elements of shape {tuple(spec.shape)}"
        )
    if not spec.dtype.is_floating:
        return None
    for batch in dataset.take(1):
        return (batch[0] if isinstance(batch, tuple) else batch).numpy()
    return None


def _of_loader(loader, torch):
    if isinstance(loader.dataset, torch.utils.data.IterableDataset):
        return None
    try:
        image = loader.dataset[0]
    except (LookupError, TypeError):  # its sampler gives something else than numbers from 0 on
        return None
    image = image[0] if isinstance(image, (tuple, list)) else image
    return np.asarray(image)[None] if isinstance(image, (np.ndarray, torch.Tensor)) else None
