import numpy as np

from keras_simmim.reports.nearest_neighbors import nearest_neighbors


def test_by_a_loop():
    rng = np.random.default_rng(0)
    queries, features = rng.normal(size=(4, 6)), rng.normal(size=(9, 6))
    rows, similarities = nearest_neighbors(queries, features, 3)
    for query, found, values in zip(queries, rows, similarities, strict=True):
        cosines = [q @ query / np.linalg.norm(q) / np.linalg.norm(query) for q in features]
        assert list(found) == sorted(range(9), key=lambda i: -cosines[i])[:3]
        np.testing.assert_allclose(values, sorted(cosines, reverse=True)[:3])


def test_what_a_query_is_itself_is_left_out():
    features = np.random.default_rng(0).normal(size=(5, 3))
    own = np.array([1, 4])
    rows, _ = nearest_neighbors(features[own], features, 4, own)
    assert sorted(rows[0]) == [0, 2, 3, 4] and sorted(rows[1]) == [0, 1, 2, 3]


def test_a_vector_of_zeros_is_near_to_nothing():
    _, similarities = nearest_neighbors(np.zeros((1, 3)), np.ones((2, 3)), 2)
    assert np.all(similarities == 0)
