import keras
import numpy as np

from keras_simmim.runs import Checkpoint


def small_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    return model


def test_keeps_the_last_epoch_with_the_optimizer(tmp_path):
    model, checkpoint = small_model(), Checkpoint(tmp_path / "checkpoint")
    x, y = np.ones((8, 3), "float32"), np.zeros((8, 2), "float32")
    model.fit(x, y, epochs=3, batch_size=4, verbose=0, callbacks=[checkpoint])
    assert [path.name for path in checkpoint.folder.iterdir()] == ["epoch-000003.weights.h5"]
    other = small_model()
    assert checkpoint.restore(other) == 3
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(other.optimizer.iterations) == 6


def test_a_file_that_is_not_whole_does_not_count(tmp_path):
    (tmp_path / "partial.weights.h5").write_bytes(b"half")
    assert Checkpoint(tmp_path).restore(small_model()) == 0


def test_nothing_to_restore(tmp_path):
    assert Checkpoint(tmp_path / "missing").restore(small_model()) == 0
