import math

import keras
import numpy as np
import pytest
from small_methods import METHODS, arrays_of, some_images

from keras_simmim.evaluation import (
    KNNCallback,
    SpaceCallback,
    alignment,
    embed,
    rankme,
    uniformity,
)


def fit(name, callbacks, epochs=3):
    keras.utils.set_random_seed(0)
    method = METHODS[name]()
    method.compile(optimizer="sgd")
    history = method.fit(
        some_images(8), batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks
    )
    return method, history.history


@pytest.mark.parametrize("name", ["SimMIM", "MaskedImageModel"])
def test_measures_features_of_the_same_views_and_disturbs_nothing(name):
    callback = SpaceCallback(some_images(11), every=9, batch_size=4)
    method, history = fit(name, [callback])
    for measured in ("alignment", "uniformity", "rankme"):
        # Of the first and the last epoch.
        assert len(history[measured]) == 2 and np.isfinite(history[measured]).all()
    first, second = (embed(method, np.concatenate(views)) for views in callback._views)
    assert history["alignment"][-1] == pytest.approx(
        alignment(np.stack([first, second], axis=1)), rel=1e-4
    )
    assert history["uniformity"][-1] == pytest.approx(uniformity(first), rel=1e-4)
    assert history["rankme"][-1] == pytest.approx(rankme(first), rel=1e-4)
    assert len(first) == 11 and not np.allclose(callback._views[0][0], callback._views[1][0])

    without, expected = fit(name, [])
    assert history["loss"] == expected["loss"]
    for one, other in zip(arrays_of(method.weights), arrays_of(without.weights), strict=True):
        np.testing.assert_array_equal(one, other)


def test_features_that_are_not_finite_measure_nothing():
    method = METHODS["SimCLR"]()
    method.compile("sgd")
    images = some_images(8)
    space, knn = SpaceCallback(images), KNNCallback(images, np.arange(8), images, np.arange(8))
    for callback in (space, knn):
        callback.set_model(method)
        callback.on_train_begin()
    assert math.isfinite(space.measure()["rankme"]) and math.isfinite(knn.measure())
    method.encoder.set_weights([np.full_like(w, np.nan) for w in method.encoder.get_weights()])
    assert all(math.isnan(x) for x in [*space.measure().values(), knn.measure()])


def test_bad_arguments():
    with pytest.raises(ValueError, match="Received: every=0"):
        SpaceCallback(some_images(3), every=0)
    with pytest.raises(ValueError, match="Received: 1"):
        SpaceCallback(some_images(1))
    with pytest.raises(ValueError, match="multiply them by 255"):
        fit("SimCLR", [SpaceCallback(some_images(4) / 255)])
