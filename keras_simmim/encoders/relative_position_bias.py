import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="keras_simmim")
class RelativePositionBias(layers.Layer):
    """Learned bias of attention logits for each head and each displacement between two patches.

    One table, whose size follows from the images that the layer is built for. A smaller grid of
    patches has fewer displacements and uses the centre of the table.

    Args:
        patch_size: side of a patch in pixels.
        num_heads: number of attention heads A.

    Call arguments:
        images: `(B, H, W, C)`, of which only the height and the width count.

    Returns:
        `(A, T, T)` in the compute dtype, T = (H / patch_size) * (W / patch_size), row by row:
        what the table has for a query's row and column less a key's. Zeros before training.

    Raises:
        ValueError: for images of unknown size, or larger ones than the layer was built for.

    Reference:
        Liu et al. 2021, "Swin Transformer" (arXiv 2103.14030), section 3.2, equation 4; for a whole
        image as in BEiT (Bao et al. 2022, arXiv 2106.08254), whose ViT SimMIM (Xie et al. 2022,
        arXiv 2111.09886) pre-trains with one table for all blocks, `USE_SHARED_RPB` of its code.
    """

    def __init__(self, patch_size, num_heads, **kwargs):
        # Images are asked for their shape only: a cast of them would be for nothing.
        super().__init__(autocast=False, **kwargs)
        self.patch_size = patch_size
        self.num_heads = num_heads

    def build(self, images_shape):
        rows, columns = self._known_grid(images_shape)
        self.table = self.add_weight(
            name="table",
            shape=(2 * rows - 1, 2 * columns - 1, self.num_heads),
            initializer="zeros",
        )

    def call(self, images):
        rows, columns = self._known_grid(images.shape)
        self._check_size(images.shape)
        table_rows, table_columns = self.table.shape[:2]  # odd: no displacement is in the centre
        down = _displacements(rows) + table_rows // 2
        right = _displacements(columns) + table_columns // 2
        # Of the query's row and column, then the key's.
        index = down[:, None, :, None] * table_columns + right[None, :, None, :]
        table = ops.reshape(self.table, (-1, self.num_heads))
        bias = ops.transpose(ops.take(table, index.reshape(-1), axis=0))  # (A, T * T)
        positions = rows * columns
        bias = ops.reshape(bias, (self.num_heads, positions, positions))
        return ops.cast(bias, self.compute_dtype)

    def _known_grid(self, images_shape):
        height, width = images_shape[1:3]
        if height is None or width is None:
            raise ValueError(
                "Relative positions need the height and width of images: give them, or choose "
                f"`position='sincos'`. Received: images of shape {tuple(images_shape)}"
            )
        return height // self.patch_size, width // self.patch_size

    def _check_size(self, images_shape):
        most = tuple((size // 2 + 1) * self.patch_size for size in self.table.shape[:2])
        for length, greatest in zip(images_shape[1:3], most, strict=True):
            if length is not None and length > greatest:
                raise ValueError(
                    f"The table of relative positions is for images of at most {most} pixels: "
                    "make the encoder with a larger `image_shape` or with `position='sincos'`, or "
                    "resize or crop the images (for views, `view_size`). "
                    f"Received: images of shape {tuple(images_shape)}"
                )

    def compute_output_shape(self, images_shape):
        if self.built:
            self._check_size(images_shape)
        if None in tuple(images_shape)[1:3]:
            return (self.num_heads, None, None)
        rows, columns = self._known_grid(images_shape)
        return (self.num_heads, rows * columns, rows * columns)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "num_heads": self.num_heads,
        }


def _displacements(length):
    places = np.arange(length)
    return places[:, None] - places
