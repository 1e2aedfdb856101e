import numpy as np
import pytest

from keras_simmim.evaluation import angle_distance


def test_equal_apart_and_in_between():
    here, there, half = np.zeros((3, 2, 2))
    here[0, 0] = there[1, 1] = 1
    half[0, 0] = half[1, 1] = 0.5
    assert angle_distance(np.stack([here, here])[None]) == 0
    assert angle_distance(np.stack([here, there])[None]) == 1
    # Of the three pairs: 1, 0.5, 0.5.
    assert angle_distance(np.stack([here, there, half])[None]) == pytest.approx(2 / 3)
    assert angle_distance(here[None, None]) == 0


def test_by_a_loop():
    rng = np.random.default_rng(0)
    maps = rng.random((4, 3, 2, 5))
    maps /= maps.sum(axis=(2, 3), keepdims=True)
    apart = [
        abs(maps[i, a] - maps[i, b]).sum() / 2 for i in range(4) for a in range(3) for b in range(a)
    ]
    assert angle_distance(maps) == pytest.approx(np.mean(apart))


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"Received: shape \(2, 3, 4\)"):
        angle_distance(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match=r"Received: shape \(0, 3, 4, 4\)"):
        angle_distance(np.zeros((0, 3, 4, 4)))
