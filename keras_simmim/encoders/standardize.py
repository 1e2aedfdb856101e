import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_simmim")
class Standardize(keras.layers.Layer):
    """Shifts and scales raw pixel values: `(images - mean) / std`.

    Computed in float32 under any dtype policy, then cast to the compute dtype: float pixel values
    up to 255 do not fit into the 8 significant bits of bfloat16.

    Args:
        mean: what to subtract, in pixel values (0...255): a number, or one per channel.
        std: what to divide by, in pixel values: a number, or one per channel, above 0.

    Call arguments:
        images: `(B, H, W, C)`, uint8 or float, 0...255; any C if mean and std are numbers.

    Returns:
        `(B, H, W, C)` in the compute dtype.

    Raises:
        ValueError: for a mean or std that is neither a number nor a flat list of numbers, for a
            std that is not above 0, or for images with another number of channels.
    """

    def __init__(self, mean=127.5, std=64.0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.mean = _number_or_list(mean, "mean")
        self.std = _number_or_list(std, "std")
        if not np.all(np.asarray(self.std) > 0):
            raise ValueError(f"`std` must be above 0. Received: std={std}")
        # (x - mean) / std as one multiplication and one addition a pixel.
        scale = 1 / np.asarray(self.std)
        self._scale = scale.tolist()
        self._offset = (-np.asarray(self.mean) * scale).tolist()

    def build(self, images_shape):
        for name in ("mean", "std"):
            value = getattr(self, name)
            if isinstance(value, list) and len(value) != images_shape[-1]:
                raise ValueError(
                    f"`{name}` needs one number per channel, or one number for all. "
                    f"Received: {name}={value} for images of shape {tuple(images_shape)}"
                )

    def call(self, images):
        scale = ops.convert_to_tensor(self._scale, "float32")
        offset = ops.convert_to_tensor(self._offset, "float32")
        return ops.cast(ops.cast(images, "float32") * scale + offset, self.compute_dtype)

    def compute_output_shape(self, images_shape):
        return tuple(images_shape)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "std": self.std}


def _number_or_list(value, name):
    array = np.asarray(value)
    numeric = array.dtype.kind in "iuf"  # neither text nor booleans
    if not numeric or array.ndim > 1 or array.size == 0 or not np.all(np.isfinite(array)):
        raise ValueError(
            f"`{name}` must be a number or a list of one number per channel. "
            f"Received: {name}={value!r}"
        )
    return array.astype("float64").tolist()
