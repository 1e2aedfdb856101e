import importlib.resources
import io

import numpy as np
from PIL import Image


def load_sample(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Decodes a split of the bundled sample of CIFAR-10, as `load("sample")` describes."""
    path = importlib.resources.files("keras_simmim.datasets") / "sample.npz"
    with path.open("rb") as file, np.load(file) as arrays:
        encoded = arrays[f"{split}_bytes"].tobytes()
        ends = arrays[f"{split}_ends"]
        labels = arrays[f"{split}_labels"].astype("int64")
    starts = np.concatenate([[0], ends[:-1]])
    images = np.empty((len(labels), 32, 32, 3), "uint8")
    for image, start, end in zip(images, starts, ends, strict=True):
        image[:] = Image.open(io.BytesIO(encoded[start:end]))
    return images, labels
