import numpy as np

from keras_simmim.datasets.order import batch_indices, steps_in_pass


def run(steps, **kwargs):
    return np.concatenate([batch_indices(step, 10, 3, **kwargs) for step in steps])


def test_a_pass_holds_every_image_at_most_once():
    assert steps_in_pass(10, 3) == 3
    assert len(set(run(range(3)))) == 9


def test_without_drop_last_a_pass_holds_every_image():
    assert steps_in_pass(10, 3, drop_last=False) == 4
    assert sorted(run(range(4), drop_last=False)) == list(range(10))
    assert steps_in_pass(9, 3, drop_last=False) == 3


def test_passes_differ_and_repeat_with_the_seed():
    assert list(run(range(3))) != list(run(range(3, 6)))
    assert list(run(range(6))) == list(run(range(6)))
    assert list(run(range(6))) != list(run(range(6), seed=1))


def test_the_order_is_numpys_permutation_of_seed_and_pass():
    expected = np.random.default_rng([7, 1]).permutation(10)
    np.testing.assert_array_equal(run(range(3, 6), seed=7), expected[:9])


def test_without_shuffle_every_pass_is_in_order():
    np.testing.assert_array_equal(run(range(3, 6), shuffle=False), np.arange(9))
    np.testing.assert_array_equal(run(range(4, 8), shuffle=False, drop_last=False), np.arange(10))
