import keras
from keras import ops

from keras_simmim import backend


@keras.saving.register_keras_serializable(package="keras_simmim")
class MaskedL1(keras.layers.Layer):
    """Mean absolute error of the masked pixels of a batch of images.

    With the mask `m` of each pixel, 1 where it is masked and else 0, and C channels:

        sum(|target - reconstruction| * m) / (sum(m) + 1e-5) / C

    where both sums are over the whole batch. Computes in float32 under any dtype policy.

    Call arguments:
        reconstruction: `(B, H, W, C)` float.
        target: `(B, H, W, C)`.
        patch_mask: `(B, rows, columns)` boolean, True for masked patches, which tile the image; as
            many rows and columns as pixels for a mask of single pixels.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: for a target of another shape than the reconstruction's, or a mask whose
            patches do not tile it.

    Reference:
        Xie et al. 2022, "SimMIM: A Simple Framework for Masked Image Modeling" (arXiv 2111.09886),
        section 3.4, equation 1; the 1e-5 is that of the authors' code.
    """

    def __init__(self, **kwargs):
        # A sum over a batch of pixels is beyond the 8 significant bits of bfloat16.
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, reconstruction, target, patch_mask):
        _check_shapes(reconstruction.shape, target.shape, patch_mask.shape)
        height, width, channels = reconstruction.shape[1:]
        rows, columns = patch_mask.shape[1:]
        errors = ops.sum(ops.abs(target - reconstruction), axis=-1)  # (B, H, W)
        errors = ops.reshape(errors, (-1, rows, height // rows, columns, width // columns))
        errors = ops.sum(errors, axis=(2, 4))  # (B, rows, columns)
        mask = ops.cast(patch_mask, "float32")
        masked_pixels = (
            backend.mean_of_replicas(ops.sum(mask)) * (height // rows) * (width // columns)
        )
        return ops.sum(errors * mask) / (masked_pixels + 1e-5) / channels

    # One argument: Keras 3.11 would leave out the shape of an argument named `..._mask`.
    def compute_output_shape(self, reconstruction_shape):
        return ()


def _check_shapes(reconstruction, target, patch_mask):
    if len(reconstruction) != 4 or tuple(reconstruction)[1:] != tuple(target)[1:]:
        raise ValueError(
            "MaskedL1 compares images (batch, height, width, channels) of one shape. Received: "
            f"reconstruction of shape {tuple(reconstruction)}, target of shape {tuple(target)}"
        )
    sizes = tuple(reconstruction)[1:3]
    if len(patch_mask) != 3 or any(
        size % count for size, count in zip(sizes, patch_mask[1:], strict=True)
    ):
        raise ValueError(
            "`patch_mask` must be (batch, rows, columns), its rows a divisor of the images' height "
            "and its columns of their width, as PatchMasker makes it for these images. "
            f"Received: shape {tuple(patch_mask)} for images of shape {tuple(reconstruction)}"
        )
