import keras
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from keras_simmim.backend.part_of_batch import part_of_batch


class SharedData(DataAdapter):
    """Batches for several devices: each is cut to a multiple of them, and a process gets its part.

    What is cut off, fewer images than devices, is left out of the pass. A batch that has nothing
    left is no batch.

    Args:
        adapter: Keras's adapter of the data, which gives the batches for all devices.
        devices: number of devices.
        part: which part of a batch this process gets, and of how many.
    """

    def __init__(self, adapter, devices, part=(0, 1)):
        self.adapter = adapter
        self.devices = devices
        self.part = part

    def own_part(self, batch):
        """The part of this process of a batch of arrays or tensors; None if there is nothing."""
        count = next(x.shape[0] for x in keras.tree.flatten(batch) if x is not None)
        if count < self.devices:
            return None
        rows = part_of_batch(count, self.devices, self.part)
        return keras.tree.map_structure(lambda x: None if x is None else x[rows], batch)

    def _own_parts(self, batches):
        parts = (self.own_part(batch) for batch in batches)
        return (part for part in parts if part is not None)

    def get_jax_iterator(self):
        return self._own_parts(self.adapter.get_jax_iterator())

    def get_torch_dataloader(self):
        return self._own_parts(self.adapter.get_torch_dataloader())

    def get_tf_dataset(self):
        import tensorflow as tf

        def cut(*batch):
            count = tf.shape(tf.nest.flatten(batch)[0])[0] // self.devices * self.devices
            return tf.nest.map_structure(lambda x: x[:count], batch)

        def is_not_empty(*batch):
            return tf.shape(tf.nest.flatten(batch)[0])[0] > 0

        options = tf.data.Options()
        # Several workers read the same batches, and each takes its part of them.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        dataset = self.adapter.get_tf_dataset().map(cut).filter(is_not_empty)
        return dataset.with_options(options)

    @property
    def num_batches(self):
        batches = self.adapter.num_batches
        # Adapters that do not know the size of a batch don't know that of the last one.
        last = self.adapter.partial_batch_size if self.adapter.batch_size else None
        return batches - 1 if batches and last and last < self.devices else batches

    def on_epoch_begin(self):
        self.adapter.on_epoch_begin()

    def on_epoch_end(self):
        self.adapter.on_epoch_end()


def share_data(x, adapter, devices, part):
    """Keras's adapter of data, for what this process has to see of it.

    Args:
        x: the data; with an attribute `reads_own_part` their batches are parts already.
        adapter: Keras's adapter of them.
        devices: number of devices.
        part: which part of a batch this process gets, and of how many.
    """
    if getattr(x, "reads_own_part", False):
        return SharedData(adapter, devices=1)
    return SharedData(adapter, devices, part)
