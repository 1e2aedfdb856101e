import numpy as np
from keras import ops

from keras_simmim.backend import map_tiles


def test_results_are_stacked():
    a, b = np.arange(12.0, dtype="float32").reshape(4, 3), np.arange(4, dtype="float32")
    result = map_tiles(lambda x, y: x[:2] * y, (ops.convert_to_tensor(a), ops.convert_to_tensor(b)))
    np.testing.assert_allclose(ops.convert_to_numpy(result), a[:, :2] * b[:, None])
