import keras
from keras import ops

from keras_simmim._numbers import GREATEST_SEED, check_integer, check_number, check_seed
from keras_simmim.encoders.check_masks import check_masks, require_masks
from keras_simmim.losses import MaskedL1
from keras_simmim.methods.method import Method, merge_views, split_views
from keras_simmim.views import PatchMasker, ViewSplitter


@keras.saving.register_keras_serializable(package="keras_simmim")
class MaskedImageModel(Method):
    """SimMIM of Xie et al. 2022: predict the raw pixels of masked patches by one linear layer.

    Square units of an image are masked at random. The embeddings of their patches are replaced by
    a learned token, all patches are encoded, and a linear layer on each token gives the pixels of
    its patch, normalised as the encoder normalises its input. Only masked pixels count.

    Judge it by `evaluation.fine_tune`, and by `evaluation.probe_layers`: its last layer serves the
    reconstruction, and kNN on it is known to be poor.

    Train it as published with AdamW, without weight decay on biases, norms, the table of relative
    positions and the mask token: `optimizer.exclude_from_weight_decay(var_names=["bias", "gamma",
    "beta", "table", "mask_token"])`. What is excluded is saved with the method.

    Args:
        encoder: `encoders.ViT`; the paper's has `position="relative"`. Or one of your own with an
            integer `patch_size`, an `image_shape`, an `encoders.Standardize` as `standardize`, and
            `call(images, patch_mask=None, mask_token=None, training=False)` that gives one token
            for each patch, row by row.
        view_splitter: `ViewSplitter`, or a list of them, whose views then add up; None: one view,
            a crop of 67 % to 100 % of the image and a flip, without changes of colour.
        mask_unit: side of a mask unit in pixels, a multiple of the patch size that divides the
            sides of the views; None: twice the patch size.
        mask_ratio: share of the units that is masked, rounded up to whole units.
        seed: integer for masks that repeat from one run to the next; None: others every time.
        online_probe: `heads.OnlineProbe` to learn the labels that `fit` is given; None: none. It
            sees the features of masked images.

    Call arguments:
        images: `(B, H, W, C)` or ready views `(B, V, h, w, C)`, uint8 or float, 0...255.
        training: False gives what `predict` gives; True gives what the loss is computed from.

    Returns:
        With `training=False` the pooled features of whole images, `(B, F)` float32 (of ready views,
        their mean). With `training=True` a dictionary of tensors of freshly drawn views:
        `"reconstruction"` and `"target"`, normalised pixels `(B, V, h, w, C)` float32, and
        `"patch_mask"`, `(B, V, rows, columns)` bool, True for masked patches.

    Raises:
        ValueError: for an encoder that takes no masks, images that mask units do not tile, sample
            weights, or a loss or metrics given to `compile`.

    Reference:
        Xie et al. 2022, "SimMIM: a Simple Framework for Masked Image Modeling" (arXiv 2111.09886),
        section 3; mask ratio and unit of section 4.1.2, for images of 192 pixels unit 32, patch 4
        to 16.
    """

    least_views = 1
    least_images = 1

    def __init__(
        self,
        encoder,
        view_splitter=None,
        mask_unit=None,
        mask_ratio=0.6,
        seed=None,
        online_probe=None,
        **kwargs,
    ):
        require_masks(encoder)
        patch_size = encoder.patch_size
        mask_unit = check_integer("mask_unit", mask_unit, optional=True)
        mask_ratio = check_number("mask_ratio", mask_ratio, above=0, below=1)
        seed = check_seed("seed", seed, optional=True)
        if view_splitter is None:
            view_splitter = ViewSplitter(
                num_views=1, crop_scale=(0.67, 1.0), jitter=0.0, grayscale=0.0, seed=seed
            )
        channels = encoder.image_shape[-1]
        super().__init__(
            encoder=encoder,
            view_splitter=view_splitter,
            head=keras.layers.Dense(
                patch_size**2 * channels, dtype=kwargs.get("dtype"), name="reconstruction"
            ),
            loss=MaskedL1(),
            online_probe=online_probe,
            watch_embeddings=False,
            **kwargs,
        )
        self.mask_unit = mask_unit
        self.mask_ratio = mask_ratio
        self.seed = seed
        self.patch_masker = PatchMasker(
            2 * patch_size if mask_unit is None else mask_unit,
            patch_size,
            mask_ratio,
            seed=_seed_of_masks(seed),
        )
        self.build_if_shape_is_known()

    def build(self, images_shape):
        if self.built:
            return
        super().build(images_shape)
        self.patch_masker.compute_output_shape((None, *self.view_shape))  # or a ValueError
        check_masks(self.encoder, self.view_shape, self.features_shape)
        self.mask_token = self.add_weight(
            name="mask_token",
            shape=(self.features_shape[-1],),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def encode_views(self, views, training, seed=None):
        images = ops.cast(merge_views(views), "float32")  # (N, h, w, C)
        patch_mask = self.patch_masker(images, seed=_seed_of_masks(seed))  # (N, rows, columns)
        tokens = self.encoder(
            images, patch_mask=patch_mask, mask_token=self.mask_token, training=training
        )
        mean, std = self._mean_and_std()
        outputs = {
            "reconstruction": self._images(ops.cast(self.head(tokens), "float32"), patch_mask),
            "target": (images - mean) / std,
            "patch_mask": patch_mask,
        }
        outputs = {name: split_views(x, views) for name, x in outputs.items()}
        return self.with_features(outputs, tokens, views)

    def _images(self, pixels, patch_mask):
        """Turns (N, T, p * p * C) into (N, h, w, C)."""
        size, (rows, columns) = self.encoder.patch_size, ops.shape(patch_mask)[1:]
        x = ops.reshape(pixels, (-1, rows, columns, size, size, pixels.shape[-1] // size**2))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, rows, p, columns, p, C)
        return ops.reshape(x, (-1, rows * size, columns * size, x.shape[-1]))

    def _mean_and_std(self):
        standardize = self.encoder.standardize
        return (ops.convert_to_tensor(x, "float32") for x in (standardize.mean, standardize.std))

    def loss_of(self, outputs, training):
        images = (merge_views(outputs[name]) for name in ("reconstruction", "target", "patch_mask"))
        return self.embedding_loss(*images)

    def reconstruct(self, images, seed=0):
        """Masks whole images and fills the masked pixels in.

        Args:
            images: `(B, H, W, C)`, uint8 or float, 0...255.
            seed: integer, draws the masks.

        Returns:
            Reconstructions `(B, H, W, C)` float32, 0...255, with the images' own pixels where they
            were not masked; and masks `(B, H, W)` bool.
        """
        seed = check_seed("seed", seed)
        images = ops.cast(images, "float32")
        outputs = self.encode_views(images[:, None], training=False, seed=seed)
        size = self.encoder.patch_size
        mask = ops.repeat(ops.repeat(outputs["patch_mask"][:, 0], size, axis=1), size, axis=2)
        mean, std = self._mean_and_std()
        pixels = outputs["reconstruction"][:, 0] * std + mean
        pixels = ops.minimum(ops.maximum(pixels, 0.0), 255.0)
        return ops.where(mask[..., None], pixels, images), mask

    def get_config(self):
        return {
            **super().get_config(),
            "mask_unit": self.mask_unit,
            "mask_ratio": self.mask_ratio,
            "seed": self.seed,
        }


def _seed_of_masks(seed):
    """Another than that of the views, far away: what is masked must not depend on the crop."""
    return None if seed is None else (seed + 2**30) % (GREATEST_SEED + 1)
