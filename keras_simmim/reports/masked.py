import numpy as np


def masked(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An image `(H, W, C)` that is gray where its mask `(H, W)` is True."""
    return np.where(mask[..., None], 128, image)
