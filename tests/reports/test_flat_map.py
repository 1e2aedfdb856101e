import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")
from keras_simmim.reports.flat_map import flat_map  # noqa: E402


def test_clusters_stay_apart():
    rng = np.random.default_rng(0)
    centers = 20 * rng.normal(size=(3, 12))
    labels = np.arange(45) % 3
    features = (centers[labels] + rng.normal(size=(45, 12))).astype("float32")
    places = flat_map(features)
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + 1e9 * np.eye(45)
    assert np.all(labels[apart.argmin(axis=1)] == labels)


def test_features_that_have_collapsed():
    assert np.all(np.isfinite(flat_map(np.ones((8, 4), "float32"))))


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ImportError, match=r"keras-simmim\[report\]"):
        flat_map(np.ones((8, 4), "float32"))
