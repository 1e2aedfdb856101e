import keras
from keras import layers

from keras_simmim.encoders.check_sizes import check_sizes
from keras_simmim.encoders.image_shape import standardize_image_shape
from keras_simmim.encoders.patch_embedding import PatchEmbedding
from keras_simmim.encoders.standardize import Standardize
from keras_simmim.encoders.transformer_block import TransformerBlock

POSITIONS = ("sincos",)


@keras.saving.register_keras_serializable(package="keras_simmim")
class ViT(keras.Model):
    """Vision transformer without a class token, from raw images to tokens.

    The sizes of images may differ from batch to batch: positions are computed for each grid.

    Args:
        image_shape: `(height, width, channels)` of the images to expect; height and width may be
            None.
        patch_size: side of a patch in pixels; heights and widths are multiples of it.
        depth: number of transformer blocks.
        width: channels of a token, a multiple of 4 and of `num_heads`.
        num_heads: attention heads of a block.
        mlp_ratio: hidden units of a block's MLP for each channel of a token.
        position: `"sincos"`: fixed 2-D sine-cosine positions, added to the tokens.
        dropout: rate of dropout in the blocks.
        mean: what to subtract from pixel values, 0...255: a number, or one per channel.
        std: what to divide pixel values by: a number, or one per channel.

    Call arguments:
        images: `(B, H, W, C)`, uint8 or float, 0...255.
        training: whether dropout is on.

    Returns:
        Tokens `(B, T, width)` in the compute dtype after a layer norm,
        T = (H / patch_size) * (W / patch_size), row by row.

    Raises:
        ValueError: for a size that is not a positive integer, a width that `num_heads` or 4 does
            not divide, an unknown position encoding, or images that patches do not tile.

    Reference:
        Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (arXiv 2010.11929); positions and
        no class token as in Beyer et al. 2022, "Better plain ViT baselines for ImageNet-1k" (arXiv
        2205.01580).
    """

    def __init__(
        self,
        image_shape=(32, 32, 3),
        patch_size=4,
        depth=6,
        width=192,
        num_heads=3,
        mlp_ratio=4,
        position="sincos",
        dropout=0.0,
        mean=127.5,
        std=64.0,
        **kwargs,
    ):
        # Pixel values are normalised as they are: 8 bits of a float do not fit into bfloat16.
        super().__init__(autocast=False, **kwargs)
        check_sizes(patch_size=patch_size, depth=depth, width=width, num_heads=num_heads)
        if width % num_heads or width % 4:
            raise ValueError(
                "`width` must be a multiple of 4 (of sine and cosine, in 2 directions) and of "
                f"`num_heads`. Received: width={width}, num_heads={num_heads}"
            )
        if position not in POSITIONS:
            raise ValueError(
                f"`position` must be one of {list(POSITIONS)}. Received: position={position!r}"
            )
        self.image_shape = standardize_image_shape(image_shape)
        self.patch_size = patch_size
        self.depth = depth
        self.width = width
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.position = position
        self.dropout = dropout
        dtype = self.dtype_policy
        self.standardize = Standardize(mean, std, dtype=dtype, name="standardize")
        self.patch_embedding = PatchEmbedding(
            patch_size, width, dtype=dtype, name="patch_embedding"
        )
        self.blocks = [
            TransformerBlock(num_heads, mlp_ratio, dropout, dtype=dtype, name=f"block_{index + 1}")
            for index in range(depth)
        ]
        self.norm = layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        self.build(self.input_shape)

    @property
    def input_shape(self):
        """The shape of images the model was made for, `(None, height, width, channels)`."""
        return (None, *self.image_shape)

    def build(self, images_shape):
        if self.built:
            return
        self.standardize.build(images_shape)
        self.patch_embedding.build(images_shape)
        tokens_shape = self.patch_embedding.compute_output_shape(images_shape)
        for block in self.blocks:
            block.build(tokens_shape)
        self.norm.build(tokens_shape)

    def call(self, images, training=False):
        tokens = self.patch_embedding(self.standardize(images))  # (B, T, width)
        for block in self.blocks:
            tokens = block(tokens, training=training)
        return self.norm(tokens)

    def compute_output_shape(self, images_shape):
        """Shape `(B, T, width)` of `call(images)`."""
        return self.patch_embedding.compute_output_shape(images_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "patch_size": self.patch_size,
            "depth": self.depth,
            "width": self.width,
            "num_heads": self.num_heads,
            "mlp_ratio": self.mlp_ratio,
            "position": self.position,
            "dropout": self.dropout,
            "mean": self.standardize.mean,
            "std": self.standardize.std,
        }
