"""Uniform draws in [0, 1), and what they become. Every argument `u...` is one draw."""

import math
import numbers

import keras
from keras import ops

from keras_simmim import backend
from keras_simmim._numbers import check_seed


def draw(batch_size, shape: tuple[int, ...], seed):
    """Draws for each image. Of several replicas each gets its part of what one would draw.

    Args:
        batch_size: number of images B, an integer or a scalar tensor.
        shape: of the draws for an image.
        seed: integer, also as a tensor with a value, or `keras.random.SeedGenerator`.

    Returns:
        Float32 tensor (B, *shape), uniform in [0, 1).

    Raises:
        ValueError: for a number that is no seed.
    """
    # A layer that is called gets NumPy's numbers as tensors.
    if keras.ops.is_tensor(seed) and len(seed.shape) == 0:
        seed = keras.ops.convert_to_numpy(seed).item()
    if isinstance(seed, numbers.Number):
        seed = check_seed("seed", seed)
    whole = (batch_size * backend.replica_count(), *shape)
    return backend.own_share(keras.random.uniform(whole, dtype="float32", seed=seed))


def between(u, low: float, high: float):
    """Maps draws from [0, 1) to [low, high)."""
    return low + (high - low) * u


def crop_boxes(
    u_area,
    u_ratio,
    u_top,
    u_left,
    image_size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
):
    """Draws the boxes of RandomResizedCrop.

    The area is uniform in `scale` (a share of the image), the logarithm of the ratio of width to
    height is uniform in the logarithms of `ratio`, the position is uniform. Torchvision draws
    again, up to ten times, where a side is longer than the image's; here that side is cut to the
    image's, which costs no loop. Boxes are real-valued where torchvision rounds to whole pixels.

    Args:
        u_area: draws, (B, V); `u_ratio`, `u_top` and `u_left` likewise.
        u_ratio: see `u_area`.
        u_top: see `u_area`.
        u_left: see `u_area`.
        image_size: height and width of the images, in pixels.
        scale: least and greatest area, as a share of the image's.
        ratio: least and greatest ratio of width to height.

    Returns:
        Float32 tensor (B, V, 4): top, left, height, width, in pixels.

    Reference:
        Szegedy et al., Going Deeper with Convolutions, 2014, section 6.
    """
    image_height, image_width = image_size
    area = between(u_area, *scale) * (image_height * image_width)
    aspect = ops.exp(between(u_ratio, math.log(ratio[0]), math.log(ratio[1])))
    # A box thinner than a pixel would not lie inside the image once it is placed.
    height = ops.clip(ops.sqrt(area / aspect), 1.0, float(image_height))
    width = ops.clip(ops.sqrt(area * aspect), 1.0, float(image_width))
    top = u_top * (image_height - height)
    left = u_left * (image_width - width)
    return ops.stack([top, left, height, width], axis=-1)


def jitter_factors(u, applied, strength: float):
    """Draws ColorJitter's factors, uniform in [max(0, 1 - strength), 1 + strength].

    Args:
        u: draws, (B, V).
        applied: which views are jittered, boolean, (B, V).
        strength: how far from 1 a factor may lie.

    Returns:
        Float32 tensor (B, V), 1 where the view is not jittered.
    """
    return ops.where(applied, between(u, max(0.0, 1.0 - strength), 1.0 + strength), 1.0)
