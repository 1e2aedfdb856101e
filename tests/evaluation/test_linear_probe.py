import sys

import numpy as np
import pytest

from keras_simmim.evaluation import linear_probe

pytest.importorskip("sklearn")


def clusters(count, seed, classes=4, features=6, spread=1.0, centres_seed=0):
    """Normal clusters; of equal covariance, so that the best linear classifier is known."""
    centres = np.random.default_rng(centres_seed).normal(size=(classes, features))
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    x = centres[labels] + spread * rng.normal(size=(count, features))
    return x.astype("float32"), labels, centres


def test_separable_features_are_separated():
    train_x, train_y, _ = clusters(200, seed=1, spread=0.05)
    test_x, test_y, _ = clusters(80, seed=2, spread=0.05)
    assert linear_probe(train_x, train_y, test_x, test_y) == 1.0
    # Two classes on a line, told apart by their sign.
    line = np.linspace(-1, 1, 100)[:, None]
    assert (
        linear_probe(line, (line[:, 0] > 0).astype(int), line, (line[:, 0] > 0).astype(int)) > 0.97
    )


def test_it_comes_near_the_best_linear_classifier():
    """Of clusters of the same round shape, that is the nearest centre."""
    train_x, train_y, centres = clusters(4000, seed=1)
    test_x, test_y, _ = clusters(4000, seed=2)
    distances = np.square(test_x[:, None] - centres).sum(axis=-1)
    best = np.mean(distances.argmin(axis=1) == test_y)
    assert 0.6 < best < 0.95
    assert linear_probe(train_x, train_y, test_x, test_y) == pytest.approx(best, abs=0.01)


def test_labels_need_not_be_in_a_row():
    train_x, train_y, _ = clusters(200, seed=1, spread=0.05)
    test_x, test_y, _ = clusters(80, seed=2, spread=0.05)
    test_y = 5 + 10 * test_y
    test_y[:8] = 3  # a class that training has not seen
    assert linear_probe(train_x, 5 + 10 * train_y, test_x, test_y) == 0.9


def test_the_scale_of_features_does_not_matter():
    train_x, train_y, _ = clusters(300, seed=1)
    test_x, test_y, _ = clusters(2000, seed=2)
    expected = linear_probe(train_x, train_y, test_x, test_y)
    for scale in (1e-12, 1e12, 10.0 ** np.arange(-3, 3)):
        accuracy = linear_probe(train_x * scale, train_y, test_x * scale, test_y)
        assert accuracy == pytest.approx(expected, abs=0.005)
    half = linear_probe(train_x.astype("float16"), train_y, test_x.astype("float16"), test_y)
    assert half == pytest.approx(expected, abs=0.01)


def test_dead_features_do_not_matter():
    train_x, train_y, _ = clusters(300, seed=1)
    test_x, test_y, _ = clusters(500, seed=2)
    expected = linear_probe(train_x, train_y, test_x, test_y)
    train_x, test_x = (np.pad(x, ((0, 0), (0, 2)), constant_values=0.1) for x in (train_x, test_x))
    assert linear_probe(train_x, train_y, test_x, test_y) == pytest.approx(expected, abs=0.005)


def fits(monkeypatch):
    """Records the C and the rows of each fit."""
    from sklearn.linear_model import LogisticRegression

    seen = []
    fit = LogisticRegression.fit

    def record(self, x, y):
        seen.append((self.C, len(x), np.unique(y)))
        return fit(self, x, y)

    monkeypatch.setattr(LogisticRegression, "fit", record)
    return seen


def overlapping(count, seed):
    """Two classes a little apart in each of many features: a strong penalty generalises best."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return rng.normal(size=(count, 100)) + 0.1 * (2 * labels[:, None] - 1), labels


def test_the_best_c_is_taken():
    train, test = overlapping(300, seed=0), overlapping(2000, seed=1)
    alone = [linear_probe(*train, *test, c_values=[c]) for c in (1e-3, 10.0)]
    assert alone[0] > alone[1] + 0.04
    assert linear_probe(*train, *test, c_values=(10.0, 1e-3)) == pytest.approx(alone[0], abs=0.002)


def test_c_is_chosen_by_training_rows_alone(monkeypatch):
    train = overlapping(300, seed=0)
    seen = fits(monkeypatch)
    chosen = []
    # The training rows themselves would ask for a large C.
    for test in (train, overlapping(300, seed=1)):
        seen.clear()
        linear_probe(*train, *test)
        assert [c for c, _, _ in seen[:-1]] == [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
        assert [rows for _, rows, _ in seen] == [240] * 6 + [300]
        chosen.append(seen[-1][0])
    assert linear_probe(*train, *train, c_values=[10.0]) > linear_probe(*train, *train) + 0.04
    assert chosen[0] == chosen[1] <= 0.01


def test_c_is_chosen_on_some_of_many_rows(monkeypatch):
    monkeypatch.setattr(sys.modules["keras_simmim.evaluation.linear_probe"], "_MOST_ROWS", 40)
    train_x, train_y, _ = clusters(400, seed=1)
    seen = fits(monkeypatch)
    linear_probe(train_x, train_y, train_x, train_y, c_values=(0.1, 1.0))
    assert [rows for _, rows, _ in seen] == [40, 40, 400]
    assert all(len(classes) == 4 for _, _, classes in seen)


def test_a_class_of_one_row():
    train_x, train_y, _ = clusters(101, seed=1, spread=0.05)
    train_y[-1] = 9
    assert linear_probe(train_x, train_y, train_x, train_y) >= 0.98


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    x, y, _ = clusters(20, seed=1)
    with pytest.raises(ImportError, match=r"pip install 'keras-simmim\[probe\]'"):
        linear_probe(x, y, x, y)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"train_x": np.zeros((6, 2, 2))}, "must be \\(images, features\\)"),
        ({"test_x": np.ones((2, 3))}, "as many for training as for test"),
        ({"train_y": np.array([0, 1])}, "`train_y` must hold an integer for each of the 6"),
        ({"train_y": np.ones(6)}, "`train_y` must hold an integer"),
        ({"test_y": np.array([0])}, "`test_y` must hold an integer for each of the 2"),
        ({"test_y": np.array([0, -1])}, "must not be negative"),
        ({"test_x": np.array([[1.0, np.nan], [1, 1]])}, "test_x, whose row 0 is not"),
        ({"train_x": np.diag([1.0, np.inf])[[0, 1] * 3]}, "train_x, whose row 1 is not"),
        ({"train_y": np.full(6, 3)}, "at least 2 classes. Received: 6 training rows of 1"),
        ({"train_y": np.array([0, 0, 1, 1, 2, 2])}, "a class of at least 3 training rows"),
        ({"c_values": ()}, "`c_values` must be finite numbers above 0"),
        ({"c_values": (0.0, 1.0)}, "`c_values` must be finite numbers above 0"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {
        "train_x": np.ones((6, 2)),
        "train_y": np.array([0, 1, 0, 1, 0, 1]),
        "test_x": np.ones((2, 2)),
        "test_y": np.array([0, 1]),
    }
    with pytest.raises(ValueError, match=message):
        linear_probe(**{**arguments, **change})
