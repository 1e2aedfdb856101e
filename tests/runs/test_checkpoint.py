import keras
import numpy as np
import pytest

from keras_simmim import cli
from keras_simmim.runs import Checkpoint, RunError


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


def test_a_damaged_file_or_one_of_another_model(tmp_path):
    path = tmp_path / "epoch-000002.weights.h5"
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)])
    other.compile(optimizer="adam", loss="mse")
    other.save_weights(path)
    model = small_model()
    before = model.get_weights()
    with pytest.raises(RunError, match="weights.h5 can't be restored: .*dense.*starts anew"):
        Checkpoint(tmp_path).restore(model)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunError, match="can't be restored: it is damaged: .*starts anew") as caught:
        Checkpoint(tmp_path).restore(model)
    assert "\n" not in str(caught.value)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_resume_says_so_in_one_line(tmp_path, image_folder, small_config, capsys):
    # Of a folder, whose images have no labels to look at before.
    small_config.data, small_config.image_size = str(image_folder), 16
    small_config.batch_size = small_config.steps_per_epoch = small_config.total_steps = 4
    small_config.backend = keras.backend.backend()
    run = tmp_path / "run"
    (run / "checkpoint").mkdir(parents=True)
    (run / "checkpoint" / "epoch-000001.weights.h5").write_bytes(b"\x89HDF")
    small_config.to_json(run / "config.json")
    with pytest.raises(SystemExit) as exit:
        cli.main(["pretrain", "--resume", "--output", str(run)])
    out, err = capsys.readouterr()
    assert exit.value.code == 2 and out == ""
    assert err.startswith("keras-simmim: ") and err.count("\n") == 1
    assert "epoch-000001.weights.h5 can't be restored: it is damaged" in err


def test_nothing_to_restore(tmp_path):
    assert Checkpoint(tmp_path / "missing").restore(small_model()) == 0
