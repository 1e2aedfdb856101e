import keras
import numpy as np
import pytest
from small_methods import METHODS, some_images

from keras_simmim.evaluation import angle_distance, attention_maps, embed, knn_accuracy

pytest.importorskip("sklearn")
from keras_simmim.reports.pictures import Images, pictures  # noqa: E402


def labelled():
    labels = np.arange(12) % 3
    train = some_images(24)
    return Images(some_images(12), labels, ["a", "b", "c"], train, np.arange(24) % 3)


def test_of_attention_and_labels():
    method, source = METHODS["SimMIM"](), labelled()
    seen = pictures(method, source)
    assert [len(views) for views in seen.views] == [2] * 6
    assert seen.views[0][0].shape == (16, 16, 3)
    ((layer, maps),) = seen.attention.items()
    assert maps.shape == (6, 2, 3, 3)
    assert 0 < seen.distances[layer] < 1
    # Of all images, not of those that are shown alone.
    every_map = attention_maps(method, source.images)[layer]
    assert seen.distances[layer] == pytest.approx(angle_distance(every_map), rel=1e-4)
    assert seen.places.shape == (12, 2) and np.all(np.isfinite(seen.places))
    # One query of each class comes first.
    assert list(source.labels[seen.queries[:3]]) == [0, 1, 2] and len(seen.queries) == 10
    train_x, test_x = embed(method, source.train_images), embed(method, source.images)
    accuracy = knn_accuracy(train_x, source.train_labels, test_x, source.labels)
    assert seen.confusion.sum() == 12 and seen.confusion.trace() / 12 == pytest.approx(accuracy)
    assert seen.reconstructions is None
    # The first 12 training images are the test images: each is its own nearest neighbour.
    assert list(seen.neighbors[:, 0]) == list(seen.queries)


def test_of_a_masked_model_and_no_labels():
    images = some_images(7)
    method = METHODS["MaskedImageModel"]()
    seen = pictures(method, Images(images))
    assert seen.attention == {} and seen.confusion is None
    assert [len(views) for views in seen.views] == [1] * 6
    filled_in, masks = seen.reconstructions
    expected, expected_masks = method.reconstruct(images[:6], seed=0)
    np.testing.assert_array_equal(masks, keras.ops.convert_to_numpy(expected_masks))
    expected = keras.ops.convert_to_numpy(expected)
    np.testing.assert_allclose(filled_in, expected, atol=1e-2)
    assert np.array_equal(filled_in[~masks], images[:6][~masks])
    assert not np.array_equal(filled_in[masks], images[:6][masks])
    # Among themselves, without itself.
    assert seen.neighbors.shape == (7, 6)
    assert all(query not in row for query, row in zip(seen.queries, seen.neighbors, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_of_every_method(name):
    seen = pictures(METHODS[name](), labelled())
    assert seen.confusion.sum() == 12 and np.all(np.isfinite(seen.places))


@pytest.mark.slow
def test_of_too_few_images_for_a_map():
    assert pictures(METHODS["SimCLR"](), Images(some_images(3))).places is None
