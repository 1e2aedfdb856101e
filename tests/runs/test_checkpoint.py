import json
import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from keras_simmim import cli
from keras_simmim.runs import Checkpoint, RunError, checkpoint

X, Y = np.ones((8, 3), "float32"), np.zeros((8, 2), "float32")


def small_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    return model


def fit(model, *callbacks, epochs=3):
    model.fit(X, Y, epochs=epochs, batch_size=4, verbose=0, callbacks=callbacks)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class Accuracies(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["knn_accuracy"] = [0.1, 0.5, 0.3, float("nan"), 0.2][epoch]


def test_keeps_the_last_two_and_the_best(tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint, "SHARE", math.inf)  # after each epoch, however short
    model = small_model()
    fit(model, Accuracies(), Checkpoint(tmp_path, 2), epochs=5)
    assert names(tmp_path) == ["step-00000004", "step-00000008", "step-00000010"]
    other = small_model()
    state = Checkpoint(tmp_path, 2).restore(other)
    assert (state.step, state.metrics, state.accuracy) == (10, None, 0.2)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(other.optimizer.iterations) == 10
    best = Checkpoint(tmp_path, 2).restore(other, best=True)
    assert (best.step, best.accuracy) == (4, 0.5)
    assert int(other.optimizer.iterations) == 4


def test_short_epochs_are_not_each_kept(tmp_path, monkeypatch):
    saved, clock = [], [0.0]

    def save(self, path, **kwargs):
        saved.append(int(self.optimizer.iterations))
        clock[0] += 0.2

    def end_epoch(epoch, logs):
        clock[0] += 0.5
        logs.update(knn_accuracy=0.5 if epoch == 1 else math.nan)

    monkeypatch.setattr(keras.Model, "save", save)
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    ends = keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)
    fit(small_model(), ends, Checkpoint(tmp_path, 2), epochs=9)
    # The start, the look after epoch 2, 2.2 s later (a tenth of which a save takes), and the end.
    assert saved == [0, 4, 12, 18]


def test_keeps_what_an_epoch_has_come_to(tmp_path):
    model = small_model()
    kept = Checkpoint(tmp_path, steps_per_epoch=2, minutes=0)
    fit(model, kept, epochs=1)
    # At the start, after the first step, after the epoch.
    assert names(tmp_path) == ["step-00000001", "step-00000002"]
    state = json.loads((tmp_path / "step-00000001" / "state.json").read_text())
    loss, count = state["metrics"][:2]
    assert count == 4 and loss > 0
    assert json.loads((tmp_path / "step-00000002" / "state.json").read_text())["metrics"] is None


def test_what_is_not_whole_does_not_count(tmp_path):
    (tmp_path / "partial-step-00000003").mkdir()
    assert Checkpoint(tmp_path, 2).restore(small_model()) is None


def test_a_damaged_one_or_one_of_another_model(tmp_path):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)])
    other.compile(optimizer="adam", loss="mse")
    other.fit(X, np.zeros((8, 5)), batch_size=4, verbose=0, callbacks=[Checkpoint(tmp_path, 2)])
    model = small_model()
    before = model.get_weights()
    with pytest.raises(RunError, match="00000002 can't be restored: .*dense.*goes on"):
        Checkpoint(tmp_path, 2).restore(model)
    path = tmp_path / "step-00000002" / "model.keras"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunError, match="can't be restored: it is damaged: .*goes on") as caught:
        Checkpoint(tmp_path, 2).restore(model)
    assert "\n" not in str(caught.value)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_resume_says_so_in_one_line(tmp_path, image_folder, small_config, capsys):
    # Of a folder, whose images have no labels to look at before.
    small_config.data, small_config.image_size = str(image_folder), 16
    small_config.batch_size = small_config.steps_per_epoch = small_config.total_steps = 4
    small_config.backend = keras.backend.backend()
    run = tmp_path / "run"
    (run / "checkpoint" / "step-00000001").mkdir(parents=True)
    (run / "checkpoint" / "step-00000001" / "model.keras").write_bytes(b"\x89HDF")
    small_config.to_json(run / "config.json")
    with pytest.raises(SystemExit) as exit:
        cli.main(["pretrain", "--resume", "--output", str(run)])
    out, err = capsys.readouterr()
    assert exit.value.code == 2 and out == ""
    assert err.startswith("keras-simmim: ") and err.count("\n") == 1
    assert "step-00000001 can't be restored: it is damaged" in err


def test_one_of_another_model_is_refused_in_one_line(tmp_path, recwarn):
    """Keras warns of each layer that it does not find, too."""
    x = keras.Input((3,))
    inner = keras.Model(x, keras.layers.Dense(2)(keras.layers.Dense(5)(x)))
    outer = keras.Sequential([inner])
    for model in (inner, outer):
        model.compile(optimizer="adam", loss="mse")
    fit(outer, Checkpoint(tmp_path, 2), epochs=1)
    with pytest.raises(RunError, match="can't be restored"):
        Checkpoint(tmp_path, 2).restore(inner)
    assert not [warning for warning in recwarn if "container" in str(warning.message)]


def test_nothing_to_restore(tmp_path):
    assert Checkpoint(tmp_path / "missing", 2).restore(small_model()) is None


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("h5")])
def test_what_cannot_be_written_leaves_the_last_one_whole(tmp_path, monkeypatch, error):
    model = small_model()
    fit(model, Checkpoint(tmp_path, 2), epochs=1)
    before = names(tmp_path)

    def write(self, path, **kwargs):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(keras.Model, "save", write)
    with pytest.raises(
        RunError, match=f"Can't write .*step-00000004: .*({error}|No space).*--resume"
    ):
        fit(model, Checkpoint(tmp_path, 4), epochs=1)
    assert names(tmp_path) == before
    monkeypatch.undo()
    assert Checkpoint(tmp_path, 2).restore(small_model()).step == 2


def test_weights_that_are_not_finite_are_not_kept(tmp_path):
    model = small_model()
    model.set_weights([np.full((3, 2), np.nan), np.zeros(2)])
    fit(model, Checkpoint(tmp_path, 2), epochs=1)
    assert not tmp_path.exists() or not names(tmp_path)


def test_a_checkpoint_appears_when_its_data_is_on_the_disk(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(
        "keras_simmim.runs.written_whole._flush", lambda path: flushed.append(path.name)
    )
    fit(small_model(), Checkpoint(tmp_path, 2), epochs=1)
    assert {"model.keras", "state.json", "partial-step-00000002"} <= set(flushed)
