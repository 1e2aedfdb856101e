import numpy as np
from keras import ops

# Added to the variances, of pixels whose own is about 1: below it, it is noise that is amplified.
_LEAST_VARIANCE = 0.05


def whiten_stem(encoder, images):
    """Starts the first convolution of a `ResNet` with filters that whiten patches of the images.

    The filters are the principal directions of the patches, from the greatest variance down, each
    divided by the root of its variance, then the same with the opposite sign, as a ReLU follows;
    channels beyond those keep the weights that they have. Training goes on from there. Whitening
    needs no labels, and it spares the first steps from finding out that neighbouring pixels are
    alike.

    Args:
        encoder: `ResNet`; its stem is changed in place.
        images: `(N, H, W, C)`, uint8 or float, 0...255, a batch or more.

    Raises:
        ValueError: for another encoder, or images that are too small or have other channels.

    Reference:
        Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv 2404.00498), section
        3.2, where the filters stay frozen.
    """
    names = [layer.name for layer in getattr(encoder, "layers", [])]
    if "stem_conv" not in names or "standardize" not in names:
        raise ValueError(
            "`whiten_stem` changes the stem of a keras_simmim.encoders.ResNet. "
            f"Received: encoder={encoder}"
        )
    kernel = encoder.get_layer("stem_conv").kernel
    size, _, channels, filters = kernel.shape
    shape = tuple(np.shape(images))
    if len(shape) != 4 or min(shape[1:3]) < size or shape[3] != channels:
        raise ValueError(
            f"The images must be (batch, height, width, {channels}) of at least {size} pixels. "
            f"Received: shape {shape}"
        )
    pixels = encoder.get_layer("standardize")(images)
    pixels = ops.convert_to_numpy(ops.cast(pixels, "float32"))
    patches = np.lib.stride_tricks.sliding_window_view(pixels, (size, size), axis=(1, 2))
    patches = patches[:, ::size, ::size].transpose(0, 1, 2, 4, 5, 3)  # (N, h, w, size, size, C)
    patches = patches.reshape(-1, size * size * channels)
    variances, directions = np.linalg.eigh(patches.T @ patches / len(patches))
    whitening = (directions / np.sqrt(variances + _LEAST_VARIANCE))[:, ::-1]
    whitening = np.concatenate([whitening, -whitening], axis=1)[:, :filters]
    weights = ops.convert_to_numpy(kernel).reshape(-1, filters).copy()
    weights[:, : whitening.shape[1]] = whitening
    kernel.assign(weights.reshape(kernel.shape))
