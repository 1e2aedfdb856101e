import keras
from keras import layers, ops

from keras_simmim.encoders.position_encoding import sincos_positions


@keras.saving.register_keras_serializable(package="keras_simmim")
class PatchEmbedding(layers.Layer):
    """Cuts images into square patches, embeds each linearly and adds its position.

    Positions are computed for the grid at hand, so images of any size can follow each other.

    Args:
        patch_size: side of a patch in pixels.
        width: channels of a token, a multiple of 4 if positions are added.
        add_positions: whether fixed sine-cosine positions are added to the tokens.

    Call arguments:
        images: `(B, H, W, C)` float; H and W multiples of `patch_size`.
        patch_mask: `(B, H / patch_size, W / patch_size)` boolean, True for patches whose embedding
            gives way to `mask_token` before positions are added; None: no patch.
        mask_token: `(width,)` float, given with `patch_mask`.

    Returns:
        `(B, T, width)` in the compute dtype, T = (H / patch_size) * (W / patch_size), row by row.

    Raises:
        ValueError: for images whose height or width is not a multiple of `patch_size`, a mask and
            a token of which only one is given, or of another shape.
    """

    def __init__(self, patch_size, width, add_positions=True, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.width = width
        self.add_positions = add_positions
        self.projection = layers.Dense(width, dtype=self.dtype_policy, name="projection")

    def build(self, images_shape):
        self._check_size(images_shape)
        self.projection.build((None, None, self.patch_size**2 * images_shape[-1]))

    def call(self, images, patch_mask=None, mask_token=None):
        self._check_size(images.shape)
        self._check_mask(images.shape, patch_mask, mask_token)
        size, channels = self.patch_size, images.shape[-1]
        rows, columns = (length // size for length in ops.shape(images)[1:3])
        x = ops.reshape(images, (-1, rows, size, columns, size, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, rows, columns, size, size, C)
        x = ops.reshape(x, (-1, rows * columns, size * size * channels))  # (B, T, size * size * C)
        tokens = self.projection(x)  # (B, T, width)
        if patch_mask is not None:
            masked = ops.reshape(patch_mask, (-1, rows * columns, 1))
            tokens = ops.where(masked, mask_token, tokens)
        if self.add_positions:
            positions = sincos_positions(rows, columns, self.width)
            tokens = tokens + ops.cast(positions, tokens.dtype)
        return tokens

    def _check_size(self, images_shape):
        for length in images_shape[1:3]:
            if isinstance(length, int) and length % self.patch_size:
                raise ValueError(
                    "The height and width of images must be multiples of the patch size, "
                    f"{self.patch_size}: choose another `patch_size`, or resize or crop the images "
                    f"(for views, `view_size`). Received: images of shape {tuple(images_shape)}"
                )

    def _check_mask(self, images_shape, patch_mask, mask_token):
        if patch_mask is None and mask_token is None:
            return
        if patch_mask is None or mask_token is None:
            missing = "patch_mask" if patch_mask is None else "mask_token"
            raise ValueError(
                "`patch_mask` says where `mask_token` goes: give both, or neither. "
                f"Received: {missing}=None"
            )
        if tuple(mask_token.shape) != (self.width,):
            raise ValueError(
                f"`mask_token` must have the {self.width} channels of a token and no other axis. "
                f"Received: shape {tuple(mask_token.shape)}"
            )
        shape = tuple(patch_mask.shape)
        lengths = [length and length // self.patch_size for length in images_shape[1:3]]
        if len(shape) != 3 or any(
            None not in pair and pair[0] != pair[1] for pair in zip(shape[1:], lengths, strict=True)
        ):
            raise ValueError(
                f"`patch_mask` must be (batch, {lengths[0]}, {lengths[1]}): rows and columns of "
                f"patches of {self.patch_size} pixels. Received: shape {shape} for images of shape "
                f"{tuple(images_shape)}"
            )

    def compute_output_shape(self, images_shape):
        self._check_size(images_shape)
        batch, height, width = images_shape[:3]
        if height is None or width is None:
            return (batch, None, self.width)
        return (batch, (height // self.patch_size) * (width // self.patch_size), self.width)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "width": self.width,
            "add_positions": self.add_positions,
        }
