"""From uniform draws in [0, 1) to the parameters of views. Every argument `u...` is one draw."""

import math

from keras import ops


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
