import numpy as np
import pytest

from keras_simmim.evaluation.stratified_sample import stratified_sample


def test_each_class_gives_its_share():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 7], [200, 50, 3, 1]))
    rows = stratified_sample(labels, 0.1, seed=3)
    drawn, counts = np.unique(labels[rows], return_counts=True)
    np.testing.assert_array_equal(drawn, [0, 1, 2, 7])
    np.testing.assert_array_equal(counts, [20, 5, 1, 1])
    assert np.all(np.diff(rows) > 0)


def test_the_seed_decides():
    labels = np.arange(100) % 4
    first = stratified_sample(labels, 0.2, seed=0)
    np.testing.assert_array_equal(stratified_sample(labels, 0.2, seed=0), first)
    assert not np.array_equal(stratified_sample(labels, 0.2, seed=1), first)


def test_all():
    np.testing.assert_array_equal(stratified_sample(np.arange(9) % 2, 1.0), np.arange(9))


def test_labels_may_be_any_numbers():
    labels = np.random.default_rng(0).choice([3, 2**40, 9 * 10**8], 60)
    rng = np.random.default_rng(5)
    expected = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        expected += rng.permutation(rows)[: round(0.3 * len(rows))].tolist()
    np.testing.assert_array_equal(stratified_sample(labels, 0.3, seed=5), sorted(expected))
    assert len(stratified_sample(np.array([], int), 0.3)) == 0


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.1])
def test_bad_fractions(fraction):
    with pytest.raises(ValueError, match="above 0 and of at most 1. Received: fraction="):
        stratified_sample(np.zeros(4, int), fraction)
