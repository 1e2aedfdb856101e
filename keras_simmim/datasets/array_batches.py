import numpy as np

from keras_simmim.datasets.batches import Batches


class ArrayBatches(Batches):
    """Batches of NumPy arrays, in an order that a resumed run goes on with.

    `fit` takes it like any dataset, with `shuffle=False`; see `Batches` for the order.

    Args:
        images: array `(N, ...)`.
        labels: array `(N,)`; None: batches are `(images,)`.
        batch_size: images of a batch.
        seed: seed of the order, an integer, 0...2**31 - 1.
        steps_per_epoch: batches that `fit` calls an epoch; None: one pass over the data.
        first_step: global step that epoch 0 begins with.
        shuffle: whether each pass has a new random order.
        drop_last: whether the last batch of a pass is left out when it is not full.

    Raises:
        ValueError: for labels of another length, or fewer images than a batch.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        batch_size: int = 256,
        seed: int = 0,
        steps_per_epoch: int | None = None,
        first_step: int = 0,
        shuffle: bool = True,
        drop_last: bool = True,
    ):
        super().__init__(
            num_images=len(images),
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            drop_last=drop_last,
            steps_per_epoch=steps_per_epoch,
            first_step=first_step,
        )
        if labels is not None and len(labels) != len(images):
            raise ValueError(
                "There must be a label for each image. "
                f"Received: {len(images)} images, {len(labels)} labels"
            )
        self.images = images
        self.labels = labels

    def load_step(self, step):
        indices = self.own_indices(step)
        if self.labels is None:
            return (self.images[indices],)
        return self.images[indices], self.labels[indices]
