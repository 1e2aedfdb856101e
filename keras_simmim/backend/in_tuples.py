import copy
import sys


def in_tuples(data):
    """Gives a torch `DataLoader` of images alone the form `(images,)`, which Keras asks for.

    Of bare tensors Keras 3.15.1 takes the first axis for the parts of a batch on TensorFlow and
    JAX (`torch_data_loader_adapter.py`). Other data stays as it is.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(data, torch.utils.data.DataLoader):
        return data
    loader = copy.copy(data)
    loader.collate_fn = _InTuple(data.collate_fn)
    return loader


class _InTuple:
    """Picklable, as workers are sent it."""

    def __init__(self, collate):
        self.collate = collate

    def __call__(self, samples):
        batch = self.collate(samples)
        return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
