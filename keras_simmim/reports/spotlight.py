import numpy as np
from PIL import Image


def spotlight(image: np.ndarray, attention: np.ndarray, side: int = 96) -> np.ndarray:
    """An image lit where attention is: dark where there is none, itself where it is greatest.

    Args:
        image: uint8 `(H, W, C)`, C of 1 or 3.
        attention: `(h, w)`, at least 0; stretched over the image.
        side: least side of what comes out, to which small images are enlarged, in pixels.

    Returns:
        uint8 `(H', W', 3)`.
    """
    scale = max(1, -(-side // min(image.shape[:2])))
    height, width = scale * image.shape[0], scale * image.shape[1]
    enlarged = np.asarray(as_pillow(image).resize((width, height), Image.Resampling.NEAREST))
    share = Image.fromarray(np.asarray(attention / max(attention.max(), 1e-12), "float32"))
    light = np.asarray(share.resize((width, height), Image.Resampling.BILINEAR))[..., None]
    return (enlarged * (0.12 + 0.88 * np.clip(light, 0, 1))).astype("uint8")


def as_pillow(image: np.ndarray) -> Image.Image:
    """An RGB image of Pillow from `(H, W, C)`: gray of one channel, of many the first three."""
    pixels = np.clip(np.asarray(image), 0, 255).astype("uint8")
    pixels = np.repeat(pixels[..., :1], 3, axis=-1) if pixels.shape[-1] < 3 else pixels[..., :3]
    return Image.fromarray(np.ascontiguousarray(pixels))
