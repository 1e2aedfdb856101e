import keras
import pytest

from keras_simmim.backend.measured_epochs import pass_over_unmeasured_epochs


class Saved:
    """Stands in for a model: notes when it is saved."""

    def __init__(self):
        self.count = 0

    def save(self, *args, **kwargs):
        self.count += 1


@pytest.fixture
def best(tmp_path):
    callback = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.keras"), monitor="sometimes", mode="max", save_best_only=True
    )
    callback.set_model(Saved())
    return callback


def saves(on_epoch_end, callback, logs):
    before = callback.model.count
    on_epoch_end(callback, 0, logs)
    return callback.model.count > before


def test_an_epoch_without_the_value_is_passed_over_once_there_was_one(best):
    pass_over_unmeasured_epochs(["sometimes"])
    pass_over_unmeasured_epochs(["other"])  # wraps nothing again
    method = keras.callbacks.ModelCheckpoint.on_epoch_end
    assert not hasattr(method.__wrapped__, "__wrapped__")
    with pytest.warns(UserWarning, match="Can save best model only"):
        saves(method, best, {"loss": 1.0})  # never seen: said by Keras
    assert [saves(method, best, {"sometimes": x} if x else {}) for x in (0.2, None, 0.1, 0.3)] == [
        *(True, False, False, True)
    ]


def test_keras_needs_it(best):
    """When this fails, Keras passes over such epochs again, and `measured_epochs` can go."""
    pass_over_unmeasured_epochs(["sometimes"])
    method = keras.callbacks.ModelCheckpoint.on_epoch_end.__wrapped__
    assert saves(method, best, {"sometimes": 0.2})
    with pytest.warns(UserWarning, match="Can save best model only"):
        assert saves(method, best, {})
