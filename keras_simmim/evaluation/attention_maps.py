import keras
import numpy as np

from keras_simmim._numbers import check_integer
from keras_simmim.heads import AttentionHead


def attention_maps(
    method: keras.Model, images: np.ndarray, batch_size: int = 256
) -> dict[str, np.ndarray]:
    """Where each angle of a method's attention heads looks in whole images.

    Args:
        method: a method whose head is an `AttentionHead`, such as `SimMIM`.
        images: NumPy `(N, H, W, C)`, 0...255.
        batch_size: images that are looked at at a time.

    Returns:
        Dictionary from the layer that is looked at, the encoder's output (under the encoder's name)
        first, to maps `(N, A, h, w)` float32: for each angle the weight of each position of what
        that layer gives, which sum to 1.

    Raises:
        ValueError: for a method without an attention head, no images, or features whose positions
            form no grid of the image's proportions.
    """
    batch_size = check_integer("batch_size", batch_size)
    inner_heads = getattr(method, "inner_heads", {})
    heads = [getattr(method, "head", None), *inner_heads.values()]
    if not isinstance(heads[0], AttentionHead):
        raise ValueError(
            "Only an `AttentionHead` has angles that look somewhere: take a method that has one, "
            f"such as SimMIM. Received: {type(method).__name__} with the head {heads[0]!r}"
        )
    if len(images) == 0:
        raise ValueError("There are no images to look at. Received: 0 images")
    inputs = keras.Input(images.shape[1:], dtype="float32")
    names = [method.encoder.name, *inner_heads]
    if inner_heads:
        features = method.encoder_with_maps(inputs)
    else:
        features = [method.encoder(inputs)]
    scores = {
        name: head(x, return_attention_scores=True)[1]
        for name, head, x in zip(names, heads, features, strict=True)
    }
    model = keras.Model(inputs, scores)
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for start in range(0, len(images), batch_size):
        outputs = model.predict_on_batch(images[start : start + batch_size])
        for name in names:
            found[name].append(outputs[name])
    grids = [_grid(tuple(x.shape), images.shape[1:3]) for x in features]
    maps = {name: np.concatenate(arrays) for name, arrays in found.items()}
    return {
        name: maps[name].reshape(*maps[name].shape[:2], *grid)
        for name, grid in zip(names, grids, strict=True)
    }


def _grid(shape, image_size):
    """Rows and columns of the positions of features of this shape."""
    if len(shape) == 4:
        return shape[1:3]
    positions = 1 if len(shape) == 2 else shape[1]
    height, width = image_size
    for rows in range(1, positions + 1):
        if positions % rows == 0 and rows * width == positions // rows * height:
            return rows, positions // rows
    raise ValueError(
        "The positions of tokens must form a grid with the image's proportions to be laid over "
        f"it. Received: {positions} positions of images of {height}x{width} pixels"
    )
