import keras
from keras import layers, ops

from keras_simmim.encoders.position_encoding import sincos_positions


@keras.saving.register_keras_serializable(package="keras_simmim")
class PatchEmbedding(layers.Layer):
    """Cuts images into square patches, embeds each linearly and adds its position.

    Positions are computed for the grid at hand, so images of any size can follow each other.

    Args:
        patch_size: side of a patch in pixels.
        width: channels of a token, a multiple of 4.

    Call arguments:
        images: `(B, H, W, C)` float; H and W multiples of `patch_size`.

    Returns:
        `(B, T, width)` in the compute dtype, T = (H / patch_size) * (W / patch_size), row by row.

    Raises:
        ValueError: for images whose height or width is not a multiple of `patch_size`.
    """

    def __init__(self, patch_size, width, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.width = width
        self.projection = layers.Dense(width, dtype=self.dtype_policy, name="projection")

    def build(self, images_shape):
        self._check_size(images_shape)
        self.projection.build((None, None, self.patch_size**2 * images_shape[-1]))

    def call(self, images):
        self._check_size(images.shape)
        size, channels = self.patch_size, images.shape[-1]
        rows, columns = (length // size for length in ops.shape(images)[1:3])
        x = ops.reshape(images, (-1, rows, size, columns, size, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, rows, columns, size, size, C)
        x = ops.reshape(x, (-1, rows * columns, size * size * channels))  # (B, T, size * size * C)
        tokens = self.projection(x)  # (B, T, width)
        return tokens + ops.cast(sincos_positions(rows, columns, self.width), tokens.dtype)

    def _check_size(self, images_shape):
        for length in images_shape[1:3]:
            if isinstance(length, int) and length % self.patch_size:
                raise ValueError(
                    "The height and width of images must be multiples of the patch size, "
                    f"{self.patch_size}: choose another `patch_size`, or resize or crop the images "
                    f"(for views, `view_size`). Received: images of shape {tuple(images_shape)}"
                )

    def compute_output_shape(self, images_shape):
        self._check_size(images_shape)
        batch, height, width = images_shape[:3]
        if height is None or width is None:
            return (batch, None, self.width)
        return (batch, (height // self.patch_size) * (width // self.patch_size), self.width)

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size, "width": self.width}
