"""Colour jitter and grayscale as one affine map of a view's colours.

Nothing is clipped between the operations, and then their order does not matter: with gray axis
1 = (1, 1, 1), luma l(x) and mean luma m of the view, brightness b scales everything, contrast c
moves every colour towards m times the gray axis, saturation s and a turn of the hue change only
x - l(x) 1, which has no luma, and leave grays as they are. All together:

    x -> b c (l(x) 1 + s R(hue) (x - l(x) 1)) + b (1 - c) m 1,

and a grayscale view is one whose saturation is 0.
"""

import math

import numpy as np
from keras import ops

# NTSC's YIQ (Y: luma, as in ITU-R BT.601; I, Q: chrominance), rows Y, I, Q of RGB.
_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], "float64"
)
_RGB = np.linalg.inv(_YIQ)
_LUMA = _RGB @ np.diag([1.0, 0.0, 0.0]) @ _YIQ  # keeps the luma, drops the chrominance
_CHROMA = _RGB @ np.diag([0.0, 1.0, 1.0]) @ _YIQ  # the other way round
# The chrominance a quarter turn further: from red through yellow towards green.
_QUARTER_TURN = _RGB @ np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]) @ _YIQ


def recolor(views, mean_colors, brightness=None, contrast=None, saturation=None, hue=None):
    """Changes brightness, contrast, saturation and hue in one affine map of the channels.

    Args:
        views: (B, V, C, h, w), float32.
        mean_colors: mean of every channel of every view, (B, V, C); read only for `contrast`.
        brightness: factors, (B, V); None: not changed. The next ones likewise.
        contrast: factors that scale the distance from the mean gray, (B, V).
        saturation: factors that scale the distance from the own gray, (B, V); 0 is grayscale.
            Needs 3 channels.
        hue: turns (1 is the full circle), (B, V). Rotates the chrominance in YIQ, which keeps the
            luma, where torchvision moves the hue of HSV. Needs 3 channels.

    Returns:
        Float32 tensor (B, V, C, h, w), not clipped.
    """
    gain = _product(brightness, contrast)
    if saturation is not None or hue is not None:
        matrices = _chroma_matrices(saturation, hue)
        if gain is not None:
            matrices = matrices * gain[..., None, None]
        _, num_views, channels, height, width = views.shape
        views = ops.matmul(matrices, ops.reshape(views, (-1, num_views, channels, height * width)))
        views = ops.reshape(views, (-1, num_views, channels, height, width))
    elif gain is not None:
        views = views * gain[..., None, None, None]
    if contrast is not None:
        offset = _product(brightness, (1.0 - contrast) * _gray(mean_colors))
        views = views + offset[..., None, None, None]
    return views


def _product(first, second):
    """The product of two factors of which either may be None, which stands for 1."""
    if first is None or second is None:
        return first if second is None else second
    return first * second


def _gray(colors):
    """The luma of RGB colours, or the mean of any other number of channels."""
    if colors.shape[-1] != 3:
        return ops.mean(colors, axis=-1)
    return ops.sum(colors * ops.convert_to_tensor(_YIQ[0], "float32"), axis=-1)


def _chroma_matrices(saturation, hue):
    """(B, V, 3, 3): luma kept, chrominance scaled and turned."""
    matrices = ops.convert_to_tensor(_LUMA, "float32")
    along = saturation
    if hue is not None:
        angle = 2.0 * math.pi * hue
        along = _product(saturation, ops.cos(angle))
        across = _product(saturation, ops.sin(angle))
        quarter_turn = ops.convert_to_tensor(_QUARTER_TURN, "float32")
        matrices = matrices + across[..., None, None] * quarter_turn
    return matrices + along[..., None, None] * ops.convert_to_tensor(_CHROMA, "float32")


def solarize(views, applied, threshold: float):
    """Inverts the values at or above a threshold.

    Args:
        views: (B, V, ...), values 0..255.
        applied: which views are solarized, boolean, (B, V).
        threshold: the least value that is inverted.
    """
    threshold = ops.where(applied, threshold, math.inf)
    threshold = ops.reshape(threshold, (-1, views.shape[1]) + (1,) * (len(views.shape) - 2))
    return ops.where(views >= threshold, 255.0 - views, views)
