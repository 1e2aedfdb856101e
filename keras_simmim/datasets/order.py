import functools

import numpy as np


def steps_in_pass(num_images: int, batch_size: int, drop_last: bool = True) -> int:
    """Number of batches in one pass over the data."""
    return num_images // batch_size if drop_last else -(-num_images // batch_size)


def batch_indices(
    step: int,
    num_images: int,
    batch_size: int,
    shuffle: bool = True,
    seed: int = 0,
    drop_last: bool = True,
) -> np.ndarray:
    """Which images the batch of a global step holds.

    Steps are counted through the whole of training, over passes and epochs, so that a resumed run
    sees what an uninterrupted one would have seen. Each pass has its own order, a function of
    `(seed, pass)` alone.

    Args:
        step: global step, 0 the first.
        num_images: images of the dataset, at least `batch_size` with `drop_last`.
        batch_size: images of a batch.
        shuffle: whether passes are in random order; False: in the order of the data.
        seed: seed of the order.
        drop_last: whether the last batch of a pass is left out when it is not full.

    Returns:
        int64 `(batch_size,)`; the last batch of a pass without `drop_last` may be shorter.
    """
    pass_index, position = divmod(step, steps_in_pass(num_images, batch_size, drop_last))
    start = position * batch_size
    if not shuffle:
        return np.arange(start, min(start + batch_size, num_images))
    return _permutation(num_images, seed, pass_index)[start : start + batch_size]


@functools.lru_cache(maxsize=4)
def _permutation(num_images, seed, pass_index):
    order = np.random.default_rng([seed, pass_index]).permutation(num_images)
    order.setflags(write=False)
    return order
