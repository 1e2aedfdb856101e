import keras
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from keras_simmim.backend.part_of_batch import part_of_batch


class SharedData(DataAdapter):
    """Batches as the devices can use them: large enough, and cut to a multiple of the devices.

    What is cut off, fewer images than devices, is left out of the pass, and so is a batch that is
    too small: it has nothing for some device, or no image to compare with another one. Of several
    processes each gets its part of a batch.

    Args:
        adapter: Keras's adapter of the data, which gives the batches for all devices.
        devices: number of devices.
        part: which part of a batch this process gets, and of how many.
        least_images: images that a batch of all devices needs.
        data: what the adapter adapts, where it is a torch `DataLoader`.

    Raises:
        ValueError: when a pass over the data ends and none of its batches was large enough, but
            under TensorFlow, whose datasets raise nothing.
    """

    def __init__(self, adapter, devices, part=(0, 1), least_images=1, data=None):
        self.adapter = adapter
        self.devices = devices
        self.part = part
        self.least = max(devices, least_images)
        self.last = _last_batch(data, adapter)

    def own_part(self, batch):
        """The part of this process of a batch of arrays or tensors; None if there is nothing."""
        count = next(x.shape[0] for x in keras.tree.flatten(batch) if x is not None)
        if count < self.least:
            return None
        rows = part_of_batch(count, self.devices, self.part)
        return keras.tree.map_structure(lambda x: None if x is None else x[rows], batch)

    def _own_parts(self, batches):
        seen = taken = 0
        for batch in batches:
            seen += 1
            part = self.own_part(batch)
            if part is not None:
                taken += 1
                yield part
        if seen and not taken:  # a generator that is used up has none, of which Keras warns
            raise ValueError(
                "There is no batch to train or evaluate on: give batches of at least "
                f"{self.least} images. Received: {seen} batches, all of them smaller"
            )

    def get_jax_iterator(self):
        return self._own_parts(self.adapter.get_jax_iterator())

    def get_torch_dataloader(self):
        return self._own_parts(self.adapter.get_torch_dataloader())

    def get_tf_dataset(self):
        import tensorflow as tf

        def count(batch):
            return tf.shape(tf.nest.flatten(batch)[0])[0]

        def cut(*batch):
            length = count(batch) // self.devices * self.devices
            return tf.nest.map_structure(lambda x: x[:length], batch)

        def is_large_enough(*batch):
            return count(batch) >= self.least

        options = tf.data.Options()
        # Several workers read the same batches, and each takes its part of them.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        dataset = self.adapter.get_tf_dataset().filter(is_large_enough)
        if self.devices > 1:
            dataset = dataset.map(cut)
        return dataset.with_options(options)

    @property
    def num_batches(self):
        batches, last = self.adapter.num_batches, self.last
        return batches - 1 if batches and last is not None and last < self.least else batches

    def on_epoch_begin(self):
        self.adapter.on_epoch_begin()

    def on_epoch_end(self):
        self.adapter.on_epoch_end()


def share_data(x, adapter, devices, part, least_images):
    """Keras's adapter of data, for what this process has to see of it.

    Args:
        x: the data; with an attribute `reads_own_part` their batches are parts already.
        adapter: Keras's adapter of them.
        devices: number of devices.
        part: which part of a batch this process gets, and of how many.
        least_images: images that a batch needs.
    """
    if devices > 1 and getattr(x, "reads_own_part", False):
        return SharedData(adapter, devices=1)
    last = _last_batch(x, adapter)
    if devices == 1 and (least_images == 1 or (last is not None and last >= least_images)):
        return adapter
    return SharedData(adapter, devices, part, least_images, x)


def _last_batch(data, adapter):
    """Images of the last batch; None where they are not known."""
    if hasattr(data, "batch_sampler"):
        # Keras goes by the dataset's length, of which a sampler may take a part.
        try:
            rest = len(data.sampler) % data.batch_size
        except TypeError:
            return None
        return data.batch_size if data.drop_last or not rest else rest
    if adapter.batch_size is None or adapter.has_partial_batch is None:
        return None
    return adapter.partial_batch_size or adapter.batch_size
