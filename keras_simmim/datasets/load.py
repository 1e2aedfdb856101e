import os
from collections.abc import Callable

import numpy as np

from keras_simmim.datasets.cifar10 import load_cifar10
from keras_simmim.datasets.sample import load_sample

_LOADERS: dict[str, Callable] = {
    "cifar10": lambda split, data_dir: load_cifar10(split, data_dir),
    "sample": lambda split, data_dir: load_sample(split),
}
NAMES = tuple(_LOADERS)
_SPLITS = ("train", "test")


def load(
    name: str, split: str = "train", data_dir: str | os.PathLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Loads a dataset of small images into memory.

    `"cifar10"` is CIFAR-10, 50,000 training and 10,000 test images, through TensorFlow Datasets: a
    prepared copy is read without network, otherwise it is downloaded. `"sample"` comes with the
    package: 5,000 and 1,000 images of CIFAR-10, 500 and 100 a class.

    Args:
        name: `"cifar10"` or `"sample"`.
        split: `"train"` or `"test"`.
        data_dir: folder of TensorFlow Datasets; None: `$TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.

    Returns:
        `(images, labels)`: NumPy uint8 `(N, 32, 32, 3)`, 0...255, and int64 `(N,)`, 0...9.

    Raises:
        ValueError: for an unknown name or split.
        ImportError: for `"cifar10"` without the extra `tfds`.
        FileNotFoundError: for `"cifar10"` that is neither prepared nor can be downloaded.

    Reference:
        Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """
    if name not in NAMES:
        raise ValueError(
            f"`name` must be one of {', '.join(NAMES)}; a folder of images is read by "
            f"`from_folder`. Received: {name!r}"
        )
    if split not in _SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(_SPLITS)}. Received: {split!r}")
    return _LOADERS[name](split, data_dir)
