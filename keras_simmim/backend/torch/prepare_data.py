import torch
from keras.src.trainers.data_adapters import get_data_adapter
from torch.utils.data import DataLoader, IterableDataset

from keras_simmim.backend.adapt_data import adapt_data
from keras_simmim.backend.part_of_batch import part_of_batch
from keras_simmim.backend.shared_data import SharedData, share_data
from keras_simmim.backend.torch.replicas import data_part, is_chief, replica_count, same_on_all


def prepare_data(arguments: dict, least_images: int = 1) -> dict:
    """Gives each process its part of the batches, in the order of the first process.

    Args:
        arguments: those of `keras.Model.fit` or `evaluate` by name, with defaults.
        least_images: images that a batch needs; one with fewer is left out.

    Returns:
        The arguments, where Keras's data adapters may be in place of the data. Progress is the
        first process's to show.
    """
    if replica_count() > 1:
        # Where Keras and torch draw the order of the images from.
        torch.set_rng_state(same_on_all(torch.get_rng_state()))
        if not is_chief():
            arguments = arguments | {"verbose": 0}

    def adapt(x, adapter):
        if replica_count() > 1 and isinstance(x, DataLoader) and x.batch_sampler is not None:
            if not isinstance(x.dataset, IterableDataset):
                return SharedData(get_data_adapter(_own_loader(x)), devices=1)
        return share_data(x, adapter, replica_count(), data_part(), least_images)

    return adapt_data(arguments, adapt)


def _own_loader(loader):
    """A loader that reads this process's part of each batch, and nothing else."""
    if loader.generator is not None:
        loader.generator.set_state(same_on_all(loader.generator.get_state()))
    return DataLoader(
        loader.dataset,
        batch_sampler=_OwnPart(loader.batch_sampler),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )


class _OwnPart:
    """Of the indices of each batch, cut to a multiple of the processes, those of this one."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        for indices in self.batches:
            own = indices[part_of_batch(len(indices), replica_count(), data_part())]
            if len(own):
                yield own

    def __len__(self):
        return len(self.batches)
