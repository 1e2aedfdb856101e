"""A long run needs no more memory at its end than at its beginning."""

import gc

import keras
import numpy as np
import psutil
import pytest
from small_methods import small_encoder, some_images, splitter

import keras_simmim as ks


class OwnMemory(keras.callbacks.Callback):
    """Bytes that this process has written to memory, after every epoch.

    Pages of its files are left out: the system drops them when others need room.
    """

    def __init__(self):
        super().__init__()
        self.measured = []

    def on_epoch_end(self, epoch, logs=None):
        gc.collect()
        memory = psutil.Process().memory_full_info()
        self.measured.append(memory.rss - getattr(memory, "shared", 0) + getattr(memory, "swap", 0))


@pytest.mark.slow
def test_memory_stays_flat_over_20000_steps():
    """Steps, batches, metrics, a validation and a look by kNN every 1,000 steps."""
    images, labels = some_images(40, size=8), np.arange(40) % 2
    model = ks.SimMIM(
        small_encoder(8), splitter(), ks.heads.AttentionHead(num_heads=2, embedding_dim=4)
    )
    model.compile(optimizer=keras.optimizers.SGD(1e-3))
    memory = OwnMemory()
    model.fit(
        ks.datasets.ArrayBatches(images, batch_size=4, steps_per_epoch=1000),
        epochs=20,
        shuffle=False,
        verbose=0,
        validation_data=images,
        callbacks=[ks.evaluation.KNNCallback(images, labels, images, labels, k=3), memory],
    )
    settled = np.array(memory.measured[3:])
    change = np.abs(settled / settled[0] - 1)
    assert np.all(change < 0.02), [round(each / 2**20, 1) for each in memory.measured]
