import math

import keras
from keras import ops

from keras_simmim._numbers import check_integer, check_number, check_seed
from keras_simmim.views import sampling


@keras.saving.register_keras_serializable(package="keras_simmim")
class PatchMasker(keras.layers.Layer):
    """Draws which patches of each image are masked, in units of one or more patches.

    Units are squares that tile the image. In every image the same number of them is masked,
    `ceil(ratio * units)`, chosen at random for each image; a patch is masked if its unit is.

    Args:
        unit_size: side of a unit in pixels, a multiple of `patch_size`.
        patch_size: side of a patch in pixels.
        ratio: share of the units to mask, above 0 and below 1.
        seed: integer, 0...2**31 - 1, for draws that repeat from one run to the next; None: others
            every time.

    Call arguments:
        images: `(B, H, W, C)`, of which only the shape counts; H and W multiples of `unit_size`.
            B may be unknown when a graph is built, H and W not.
        seed: integer or `keras.random.SeedGenerator` used instead of the layer's own; an integer
            gives the same masks at every call, as validation wants.

    Returns:
        `(B, H / patch_size, W / patch_size)` boolean, True for masked patches.

    Raises:
        ValueError: for an argument out of its range, images that are not 4-dimensional, whose
            height or width is unknown, or that units do not tile.

    Reference:
        Xie et al. 2022, "SimMIM: A Simple Framework for Masked Image Modeling" (arXiv 2111.09886),
        section 3.2, masking strategy. The paper's units have 32 pixels of an image of 192 or 224.
    """

    def __init__(
        self,
        unit_size: int,
        patch_size: int,
        ratio: float = 0.6,
        seed: int | None = None,
        **kwargs,
    ):
        # Images are asked for their shape only: a cast of them would be for nothing.
        super().__init__(autocast=False, **kwargs)
        self.unit_size = check_integer("unit_size", unit_size)
        self.patch_size = check_integer("patch_size", patch_size)
        if self.unit_size % self.patch_size:
            raise ValueError(
                "A unit is masked as whole patches: `unit_size` must be a multiple of "
                f"`patch_size`. Received: unit_size={unit_size}, patch_size={patch_size}"
            )
        self.ratio = check_number("ratio", ratio, above=0, below=1)
        self.seed = check_seed("seed", seed, optional=True)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, images, seed=None):
        rows, columns = self._units(images.shape)
        units = rows * columns
        # Rounded, as 0.55 * 100 is a little more than 55.
        count = math.ceil(round(self.ratio * units, 6))
        seed = self.seed_generator if seed is None else seed
        noise = sampling.draw(ops.shape(images)[0], (units,), seed)
        # Ranks, not a threshold: equal draws would mask too many.
        ranks = ops.argsort(ops.argsort(noise, axis=-1), axis=-1)
        masked = ops.reshape(ranks < count, (-1, rows, columns))
        patches = self.unit_size // self.patch_size  # along a side of a unit
        return ops.repeat(ops.repeat(masked, patches, axis=1), patches, axis=2)

    def _units(self, images_shape) -> tuple[int, int]:
        """Rows and columns of units."""
        if len(images_shape) != 4 or None in tuple(images_shape)[1:3]:
            raise ValueError(
                "PatchMasker takes images of shape (batch, height, width, channels), whose height "
                "and width are known: resize or crop images of different sizes to one size before. "
                f"Received: images of shape {tuple(images_shape)}"
            )
        height, width = images_shape[1:3]
        if height % self.unit_size or width % self.unit_size:
            raise ValueError(
                "The height and width of images must be multiples of the masked units, "
                f"{self.unit_size} pixels: choose another `unit_size`, or resize or crop the "
                f"images. Received: images of shape {tuple(images_shape)}"
            )
        return height // self.unit_size, width // self.unit_size

    def compute_output_shape(self, images_shape):
        rows, columns = self._units(images_shape)
        patches = self.unit_size // self.patch_size
        return (images_shape[0], rows * patches, columns * patches)

    def compute_output_spec(self, images, seed=None):
        return keras.KerasTensor(self.compute_output_shape(images.shape), dtype="bool")

    def get_config(self):
        return {
            **super().get_config(),
            "unit_size": self.unit_size,
            "patch_size": self.patch_size,
            "ratio": self.ratio,
            "seed": self.seed,
        }
