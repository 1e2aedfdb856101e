import keras
import numpy as np


class _Reconstructor(keras.Model):
    """`reconstruct` as the call of a model, which Keras compiles."""

    def __init__(self, method, seed):
        super().__init__(autocast=False, name="reconstructor")
        self.method = method
        self.seed = seed

    def call(self, images):
        return self.method.reconstruct(images, self.seed)


def reconstructions(
    method: keras.Model, images: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """What `MaskedImageModel.reconstruct` gives of images, compiled, as NumPy arrays.

    Args:
        method: `MaskedImageModel`.
        images: NumPy `(N, H, W, C)`, 0...255.
        seed: integer, draws the masks.

    Returns:
        Reconstructions `(N, H, W, C)` float32 and masks `(N, H, W)` bool.
    """
    filled_in, masks = _Reconstructor(method, seed).predict_on_batch(images)
    return filled_in, masks
