import keras
from keras import layers

from keras_simmim._numbers import check_integer, check_number
from keras_simmim.encoders.image_shape import standardize_image_shape
from keras_simmim.encoders.patch_embedding import PatchEmbedding
from keras_simmim.encoders.relative_position_bias import RelativePositionBias
from keras_simmim.encoders.standardize import Standardize
from keras_simmim.encoders.transformer_block import TransformerBlock

POSITIONS = ("sincos", "relative")


@keras.saving.register_keras_serializable(package="keras_simmim")
class ViT(keras.Model):
    """Vision transformer without a class token, from raw images to tokens.

    The sizes of images may differ from batch to batch: positions are computed for each grid.

    Args:
        image_shape: `(height, width, channels)` of the images to expect; height and width may be
            None, except with relative positions, whose table is made for them.
        patch_size: side of a patch in pixels; heights and widths are multiples of it.
        depth: number of transformer blocks.
        width: channels of a token, a multiple of `num_heads` and, with `"sincos"`, of 4.
        num_heads: attention heads of a block.
        mlp_ratio: hidden units of a block's MLP for each channel of a token, at least one in all.
        position: `"sincos"`: fixed 2-D sine-cosine positions, added to the tokens. `"relative"`:
            a learned bias of the attention logits for each head and displacement between two
            patches, one table shared by all blocks, as in BEiT and in SimMIM's ViT; images may be
            smaller than `image_shape`, not larger.
        dropout: rate of dropout in the blocks, at least 0 and below 1.
        mean: what to subtract from pixel values, 0...255: a number, or one per channel.
        std: what to divide pixel values by: a number, or one per channel.

    Call arguments:
        images: `(B, H, W, C)`, uint8 or float, 0...255.
        patch_mask: `(B, H / patch_size, W / patch_size)` boolean, True for patches that the
            encoder does not see: `mask_token` takes the place of their embedding before positions
            are added. None: it sees all.
        mask_token: `(width,)` float tensor or variable, the caller's own; given with `patch_mask`.
        training: whether dropout is on.

    Returns:
        Tokens `(B, T, width)` in the compute dtype after a layer norm,
        T = (H / patch_size) * (W / patch_size), row by row.

    Raises:
        ValueError: for a number out of its range, a width that `num_heads` or 4 does
            not divide, an unknown position encoding, images that patches do not tile or that are
            too large for relative positions, or a mask without a token or a token without a mask.

    Reference:
        Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (arXiv 2010.11929); fixed positions
        and no class token as in Beyer et al. 2022, "Better plain ViT baselines for ImageNet-1k"
        (arXiv 2205.01580); relative positions as in Bao et al. 2022, "BEiT" (arXiv 2106.08254);
        mask tokens as in Xie et al. 2022, "SimMIM" (arXiv 2111.09886), section 3.2.
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
        patch_size = check_integer("patch_size", patch_size)
        depth = check_integer("depth", depth)
        width = check_integer("width", width)
        num_heads = check_integer("num_heads", num_heads)
        mlp_ratio = check_number("mlp_ratio", mlp_ratio, least=1 / width)
        dropout = check_number("dropout", dropout, least=0, below=1)
        if position not in POSITIONS:
            raise ValueError(
                f"`position` must be one of {list(POSITIONS)}. Received: position={position!r}"
            )
        if width % num_heads or (position == "sincos" and width % 4):
            raise ValueError(
                "`width` must be a multiple of `num_heads` and, for sine and cosine in 2 "
                f"directions, of 4. Received: width={width}, num_heads={num_heads}"
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
            patch_size, width, position == "sincos", dtype=dtype, name="patch_embedding"
        )
        self.relative_position_bias = None
        if position == "relative":
            self.relative_position_bias = RelativePositionBias(
                patch_size, num_heads, dtype=dtype, name="relative_position_bias"
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
        if self.relative_position_bias is not None:
            self.relative_position_bias.build(images_shape)
        for block in self.blocks:
            block.build(tokens_shape)
        self.norm.build(tokens_shape)

    def call(self, images, patch_mask=None, mask_token=None, training=False):
        tokens = self.patch_embedding(self.standardize(images), patch_mask, mask_token)
        bias = self._bias(images)
        for block in self.blocks:
            tokens = block(tokens, bias, training=training)  # (B, T, width)
        return self.norm(tokens)

    def layer_outputs(self, images):
        """What each block makes of images, for probes of every layer.

        Args:
            images: `(B, H, W, C)`, uint8 or float, 0...255, or a `keras.Input` of them.

        Returns:
            List of `depth` tensors `(B, T, width)` in the compute dtype: the tokens after each
            block, the last ones after the final norm too, as `call` returns them.
        """
        tokens = self.patch_embedding(self.standardize(images))
        bias = self._bias(images)
        outputs = []
        for block in self.blocks:
            tokens = block(tokens, bias)
            outputs.append(tokens)
        return [*outputs[:-1], self.norm(tokens)]

    def _bias(self, images):
        """The bias that all blocks share, None without relative positions."""
        if self.relative_position_bias is None:
            return None
        return self.relative_position_bias(images)

    def compute_output_shape(self, images_shape):
        """Shape `(B, T, width)` of `call(images)`."""
        if self.relative_position_bias is not None:
            # A model around this one learns here that its images are too large.
            self.relative_position_bias.compute_output_shape(images_shape)
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
