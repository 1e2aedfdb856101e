import tracemalloc

import numpy as np
import pytest

from keras_simmim.evaluation import knn, knn_accuracy, knn_predict


def naive_predict(train_x, train_y, test_x, k, temperature):
    """The formula of Wu et al., one pair of images after the other, in float64."""
    predicted = []
    for query in test_x.astype("float64"):
        similarities = [
            row @ query / (np.sqrt(row @ row) * np.sqrt(query @ query))
            for row in train_x.astype("float64")
        ]
        votes = {int(label): 0.0 for label in np.sort(train_y)}
        for index in sorted(range(len(train_x)), key=lambda i: -similarities[i])[:k]:
            votes[int(train_y[index])] += np.exp(similarities[index] / temperature)
        predicted.append(max(votes, key=votes.get))  # of equal ones the first
    return predicted


def clusters(count, rng, centres):
    labels = rng.integers(0, len(centres), count)
    return (centres[labels] + rng.normal(size=(count, centres.shape[1]))).astype("float32"), labels


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 6))
    return *clusters(300, rng, centres), *clusters(80, rng, centres)


@pytest.mark.parametrize("k, temperature", [(1, 0.1), (7, 0.1), (20, 0.05), (20, 1.0), (1000, 0.1)])
def test_the_formula(data, k, temperature):
    train_x, train_y, test_x, test_y = data
    expected = naive_predict(train_x, train_y, test_x, k, temperature)
    predicted = knn_predict(train_x, train_y, test_x, k, temperature)
    np.testing.assert_array_equal(predicted, expected)
    assert predicted.dtype == "int64"
    accuracy = knn_accuracy(train_x, train_y, test_x, test_y, k, temperature)
    assert accuracy == np.mean(expected == test_y)
    assert 0.3 < accuracy < 1


@pytest.mark.parametrize("order", ["random", "by class", "by similarity"])
def test_tiles_change_nothing(data, monkeypatch, order):
    train_x, train_y, test_x, _ = data
    if order == "by class":
        by = np.argsort(train_y)
    elif order == "by similarity":
        by = np.argsort(train_x @ test_x[0])
    else:
        by = np.arange(len(train_x))
    train_x, train_y = train_x[by], train_y[by]
    expected = naive_predict(train_x, train_y, test_x, 12, 0.1)
    for test_tile, train_tile in ((7, 13), (80, 13), (7, 300), (1, 1), (1000, 1000)):
        monkeypatch.setattr(knn, "_TEST_TILE", test_tile)
        monkeypatch.setattr(knn, "_TRAIN_TILE", train_tile)
        np.testing.assert_array_equal(knn_predict(train_x, train_y, test_x, 12), expected)


def test_ties_and_copies(monkeypatch):
    monkeypatch.setattr(knn, "_TRAIN_TILE", 10)
    train_x = np.ones((50, 4), "float32")
    train_y = np.repeat([1, 0], [26, 24])
    np.testing.assert_array_equal(knn_predict(train_x, train_y, train_x[:3], k=50), [1, 1, 1])


def test_length_does_not_matter(data):
    train_x, train_y, test_x, _ = data
    expected = knn_predict(train_x, train_y, test_x, 10)
    np.testing.assert_array_equal(knn_predict(train_x * 1e3, train_y, test_x * 1e-3, 10), expected)
    half = knn_predict(train_x.astype("float16"), train_y, test_x.astype("float64"), 10)
    assert np.mean(half == expected) > 0.95


def test_a_row_of_zeros_is_like_nothing(data):
    train_x, train_y, test_x, _ = data
    expected = knn_predict(train_x, train_y, test_x, 10)
    train_x = np.concatenate([train_x, np.zeros((5, 6), "float32")])
    train_y = np.concatenate([train_y, np.full(5, 4)])
    np.testing.assert_array_equal(knn_predict(train_x, train_y, test_x, 10), expected)


def test_low_temperatures_do_not_overflow(data):
    train_x, train_y, test_x, _ = data
    nearest = knn_predict(train_x, train_y, test_x, k=1)
    np.testing.assert_array_equal(knn_predict(train_x, train_y, test_x, 20, 1e-6), nearest)


def test_many_classes(data, monkeypatch):
    monkeypatch.setattr(knn, "_LARGEST_VOTES", 100)
    train_x, train_y, test_x, _ = data
    expected = knn_predict(train_x, train_y, test_x, 10)
    np.testing.assert_array_equal(
        knn_predict(train_x, train_y, test_x, 10, num_classes=40), expected
    )


@pytest.mark.parametrize(
    "numbers", [[0, 3, 17, 41, 1000], [5, 2**40, 2**62, 2**63 - 2, 2**63 - 1]], ids=["far", "huge"]
)
def test_labels_may_be_any_numbers(data, numbers):
    train_x, train_y, test_x, test_y = data
    names = np.array(numbers)
    predicted = knn_predict(train_x, names[train_y], test_x, 12)
    np.testing.assert_array_equal(
        predicted, naive_predict(train_x, names[train_y], test_x, 12, 0.1)
    )
    np.testing.assert_array_equal(predicted, names[knn_predict(train_x, train_y, test_x, 12)])
    accuracy = knn_accuracy(train_x, names[train_y], test_x, names[test_y], 12)
    assert accuracy == knn_accuracy(train_x, train_y, test_x, test_y, 12)


def test_of_equal_votes_the_smallest_label_wins():
    train_x = np.ones((4, 2), "float32")
    labels = np.array([2**40, 9, 9, 2**40])
    np.testing.assert_array_equal(knn_predict(train_x, labels, train_x[:1], k=4), [9])


def test_memory_goes_by_the_number_of_different_labels(data):
    train_x, train_y, test_x, _ = data
    peaks = []
    for labels in (train_y, train_y * (9 * 10**8)):
        tracemalloc.start()
        knn_predict(train_x, labels, test_x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_memory_is_bounded():
    rng = np.random.default_rng(0)
    peaks = []
    for count in (20_000, 300_000):
        train_x = rng.normal(size=(count, 8)).astype("float32")
        labels = rng.integers(0, 10, count)
        tracemalloc.start()
        knn_predict(train_x, labels, train_x[:2048])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # All similarities of the larger set would take 2.4 GB.
    assert max(peaks) < 400e6


@pytest.mark.parametrize(
    "change, message",
    [
        ({"train_x": np.zeros((3, 2, 2))}, "must be \\(images, features\\)"),
        ({"test_x": np.ones((2, 3))}, "as many for training as for test"),
        ({"train_y": np.array([0, 1])}, "`train_y` must hold an integer for each of the 3"),
        ({"train_y": np.array([0.0, 1.0, 0.0])}, "`train_y` must hold an integer"),
        ({"train_y": np.array([0, -1, 0])}, "must not be negative"),
        ({"train_y": np.array([0, 2**63, 0], "uint64")}, "below 2\\*\\*63. Received: train_y with"),
        ({"test_y": np.array([0])}, "`test_y` must hold an integer for each of the 2"),
        ({"test_x": np.array([[1.0, np.nan], [1, 1]])}, "test_x, whose row 0 is not"),
        ({"train_x": np.array([[1.0, 1], [np.inf, 1], [1, 1]])}, "train_x, whose row 1 is not"),
        ({"k": 0}, "`k` must be a positive integer"),
        ({"temperature": 0.0}, "`temperature` must be a finite number above 0"),
        ({"num_classes": 1}, "`num_classes` must be above every label"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {
        "train_x": np.ones((3, 2)),
        "train_y": np.array([0, 1, 0]),
        "test_x": np.ones((2, 2)),
        "test_y": np.array([0, 1]),
    }
    with pytest.raises(ValueError, match=message):
        knn_accuracy(**{**arguments, **change})


def test_where_many_are_equally_near():
    """Collapsed features: there is no threshold that a few exceed."""
    train_x = np.ones((20_000, 4), "float32")
    train_x[:300] = np.eye(4, dtype="float32")[0]
    labels = np.full(20_000, 1)
    labels[:300] = 2
    queries = np.array([[1, 0, 0, 0], [1, 1, 1, 1]], "float32")
    np.testing.assert_array_equal(knn_predict(train_x, labels, queries, k=200), [2, 1])
