import copy
import threading
import time
from typing import NamedTuple

import keras

from keras_simmim import backend
from keras_simmim._numbers import check_integer, check_seed
from keras_simmim.backend.part_of_batch import part_of_batch
from keras_simmim.datasets.order import batch_indices, steps_in_pass


def check_batches(batch_size, seed, steps_per_epoch, first_step):
    """Returns the numbers that `Batches` takes under their names, or raises a ValueError."""
    return {
        "batch_size": check_integer("batch_size", batch_size),
        "seed": check_seed("seed", seed),
        "steps_per_epoch": check_integer("steps_per_epoch", steps_per_epoch, optional=True),
        "first_step": check_integer("first_step", first_step, least=0),
    }


class Load(NamedTuple):
    """When a batch was being made, by `time.monotonic`, and in which thread."""

    start: float
    end: float
    thread: int


class Batches(keras.utils.PyDataset):
    """Batches whose order is a function of the seed and the global step.

    Batch `i` of epoch `e` is that of global step `first_step + e * steps_per_epoch + i`, and a pass
    over the data may begin in the middle of an epoch. `fit` moves `epoch` on by itself; a run that
    goes on from epoch `e` sets `first_step = e * steps_per_epoch` (or `epoch = e`) before. Pass
    `shuffle=False` and no `steps_per_epoch` to `fit`: this class takes care of both.

    Keras's own workers are not used: with more than one, `fit` may begin with batches left over
    from building the model (seen in Keras 3.15.1 on JAX and torch).

    Subclasses implement `load_step(step)`, with the images of `own_indices(step)`: of several
    processes that train together each reads its part of a batch.

    Args:
        num_images: images of the dataset.
        batch_size: images of a batch.
        shuffle: whether each pass has a new random order.
        seed: seed of the order, an integer, 0...2**31 - 1.
        drop_last: whether the last batch of a pass is left out when it is not full.
        steps_per_epoch: batches that `fit` calls an epoch; None: one pass over the data.
        first_step: global step that epoch 0 begins with.

    Attributes:
        loads: `Load` of the latest batch of each index within an epoch.
        fault: what the latest batch failed with; None: nothing. `fit` raises it as it is, where
            TensorFlow would hide it in an error of its own.

    Raises:
        ValueError: for a number out of its range, or fewer images than one full batch.
    """

    # `fit` takes the batches for what this process reads of them; see `whole`.
    reads_own_part = True

    def __init__(
        self,
        num_images: int,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = True,
        steps_per_epoch: int | None = None,
        first_step: int = 0,
    ):
        super().__init__()
        num_images = check_integer("num_images", num_images, least=0)
        numbers = check_batches(batch_size, seed, steps_per_epoch, first_step)
        batch_size = numbers["batch_size"]
        if steps_in_pass(num_images, batch_size, drop_last) == 0:
            raise ValueError(
                "There are fewer images than one batch holds: give a smaller `batch_size`. "
                f"Received: {num_images} images, batch_size={batch_size}"
            )
        self.num_images = num_images
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = numbers["seed"]
        self.drop_last = drop_last
        self.steps_per_pass = steps_in_pass(num_images, batch_size, drop_last)
        self.steps_per_epoch = numbers["steps_per_epoch"] or self.steps_per_pass
        self.first_step = numbers["first_step"]
        self.epoch = 0
        self.loads: dict[int, Load] = {}
        self.fault: Exception | None = None
        self._begun = False
        self._reached_end = False
        self._ended_before = False

    def load_step(self, step: int) -> tuple:
        """Returns the batch of a global step, `(images,)` or `(images, labels)`."""
        raise NotImplementedError

    def indices(self, step: int):
        """Which images the batch of a global step holds, int64."""
        return batch_indices(
            step, self.num_images, self.batch_size, self.shuffle, self.seed, self.drop_last
        )

    def own_indices(self, step: int):
        """Those of `indices` that this process reads: the batch's part of its devices.

        Within `distribution.data_parallel` a batch is cut to a multiple of the devices; without,
        or of `whole` batches, these are all of them.
        """
        indices = self.indices(step)
        if not self.reads_own_part:
            return indices
        rows = part_of_batch(len(indices), backend.device_count(), backend.data_part())
        return indices[rows]

    def whole(self) -> "Batches":
        """The same batches, each as it would be on one device."""
        batches = copy.copy(self)
        batches.reads_own_part = False
        return batches

    def check_in_order(self) -> None:
        """Raises a ValueError unless the batches hold all images, in their order."""
        left_out = self.num_images % self.batch_size if self.drop_last else 0
        step = self.first_step + self.epoch * self.steps_per_epoch
        whole_pass = self.steps_per_epoch == self.steps_per_pass and step % self.steps_per_pass == 0
        if self.shuffle or left_out or not whole_pass:
            raise ValueError(
                "Features come in the order of the images: make the dataset with `shuffle=False` "
                "and `drop_last=False`, without `steps_per_epoch` and `first_step`. "
                f"Received: {type(self).__name__} with shuffle={self.shuffle}, which leaves "
                f"out {left_out} of {self.num_images} images, steps_per_epoch="
                f"{self.steps_per_epoch} of {self.steps_per_pass}, beginning at step {step}"
            )

    def __len__(self):
        return self.steps_per_epoch

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches in an epoch. Received: {index}")
        step = self.first_step + self.epoch * self.steps_per_epoch + index
        if index == len(self) - 1:
            self._reached_end = True
        start = time.monotonic()
        self.fault = None
        try:
            batch = self.load_step(step)
        except Exception as fault:
            self.fault = fault
            raise
        self.loads[index] = Load(start, time.monotonic(), threading.get_ident())
        return batch

    def on_epoch_begin(self):
        self._begun = True
        self._reached_end = False

    def on_epoch_end(self):
        # Keras also calls this before the first epoch of a `fit`, after it peeked at some batches,
        # and after an epoch that was broken off.
        if self._begun and self._reached_end and self._ended_before:
            self.epoch += 1
        self._begun = False
        self._reached_end = False
        self._ended_before = True
