import keras
import numpy as np
import pytest
from keras.src.trainers.data_adapters import get_data_adapter

from keras_simmim.backend.shared_data import SharedData

IMAGES = np.arange(22)


def batches_of(adapter):
    kind = keras.backend.backend()
    if kind == "tensorflow":
        batches = adapter.get_tf_dataset()
    else:
        batches = adapter.get_jax_iterator() if kind == "jax" else adapter.get_torch_dataloader()
    return [
        [keras.ops.convert_to_numpy(x).tolist() for x in keras.tree.flatten(batch) if x is not None]
        for batch in batches
    ]


def test_the_last_batch_is_cut_to_a_multiple_of_the_devices():
    adapter = get_data_adapter(IMAGES, IMAGES + 100, batch_size=8)
    shared = SharedData(adapter, devices=4)
    assert [len(x) for x, _ in batches_of(shared)] == [8, 8, 4]
    assert shared.num_batches == 3
    assert batches_of(shared)[2] == [[16, 17, 18, 19], [116, 117, 118, 119]]


def test_a_batch_of_fewer_images_than_devices_is_left_out():
    shared = SharedData(get_data_adapter(IMAGES, batch_size=10), devices=4)
    assert [len(x) for (x,) in batches_of(shared)] == [8, 8]
    assert shared.num_batches == 2


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="its datasets raise nothing")
def test_data_without_a_batch_that_is_large_enough_is_refused():
    shared = SharedData(get_data_adapter(IMAGES, batch_size=3), devices=4)
    with pytest.raises(ValueError, match="at least 4 images. Received: 8 batches, all of them"):
        batches_of(shared)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="cuts parts by itself")
def test_the_parts_of_processes_are_the_batch_in_order():
    adapter = get_data_adapter(IMAGES, batch_size=8)
    parts = [batches_of(SharedData(adapter, 4, (part, 2))) for part in range(2)]
    joined = [first[0] + second[0] for first, second in zip(*parts, strict=True)]
    assert joined == [list(range(8)), list(range(8, 16)), list(range(16, 20))]
