import csv
import importlib
import json
import os
import re
import signal

import keras
import numpy as np
import pytest

from keras_simmim.runs import RunConfig, RunError, Stopped, defaults, evaluate, pretrain, train
from keras_simmim.runs.locked import locked
from keras_simmim.runs.run_data import RunData

pretrain_module = importlib.import_module("keras_simmim.runs.pretrain")


def rows(run):
    with (run / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def arrays(path):
    model = keras.saving.load_model(path)
    return [keras.ops.convert_to_numpy(v) for v in (*model.weights, *model.optimizer.variables)]


def test_a_run_folder(small_data, small_config, tmp_path, capsys):
    model = pretrain(small_config, tmp_path / "run")
    run = tmp_path / "run"
    names = {path.name for path in run.iterdir()}
    files = {"config.json", "history.csv", "model.keras", "encoder.keras", "results.json"}
    assert names == files | {"checkpoint", "tensorboard", ".lock"}
    assert list((run / "tensorboard").glob("events*"))
    losses = [float(row["loss"]) for row in rows(run)]
    assert len(losses) == 4 and np.all(np.isfinite(losses))
    assert float(rows(run)[0]["learning_rate"]) > float(rows(run)[3]["learning_rate"])
    out = capsys.readouterr().out
    results = json.loads((run / "results.json").read_text())
    assert f"{results['knn_accuracy']:.2%} trained" in out
    assert f"{results['knn_accuracy']:.2%} loaded back" in out
    written = json.loads((run / "config.json").read_text())
    assert (written["learning_rate"], written["view_size"], written["backend"]) == (
        *(4e-3, 12),
        keras.backend.backend(),
    )
    assert evaluate(run)["knn_accuracy"] == results["knn_accuracy"]
    assert evaluate(run, checkpoint="last")["knn_accuracy"] == results["knn_accuracy"]
    looks = [row["knn_accuracy"] for row in rows(run)]
    assert looks[2] == "NA" and [row["rankme"] for row in rows(run)][2] == "NA"
    best = max(float(look) for look in (looks[0], looks[1], looks[3]))
    assert evaluate(run, checkpoint="best")["knn_accuracy"] == pytest.approx(best)
    # encoder.keras is the encoder alone, for raw images.
    encoder = keras.saving.load_model(run / "encoder.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3)).astype("uint8")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(encoder(images)),
        keras.ops.convert_to_numpy(model.encoder(images)),
    )


def test_what_was_saved_wrong_is_told(small_data, small_config, tmp_path, monkeypatch):
    load = keras.saving.load_model

    def load_another(path):
        model, rng = load(path), np.random.default_rng(0)
        for weight in model.encoder.trainable_variables:
            weight.assign(rng.normal(size=weight.shape))
        return model

    monkeypatch.setattr(keras.saving, "load_model", load_another)
    with pytest.raises(RunError, match="model.keras, loaded back, is not the model that was tr"):
        pretrain(small_config, tmp_path / "run")


class SignalAfter(keras.callbacks.Callback):
    """Sends this process a signal while a step runs."""

    def __init__(self, number, epoch, batch):
        super().__init__()
        self.moment = number, epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.moment[1:]:
            os.kill(os.getpid(), self.moment[0])


def become_older(path):
    """Makes a configuration one of 0.1.0, which left open what was a default."""
    written = json.loads(path.read_text())
    opened = ("patch_size", "mask_unit", "hidden_dim", "learning_rate", "view_size")
    del written["version"]
    path.write_text(json.dumps(written | dict.fromkeys(opened)))


@pytest.mark.parametrize(
    "number,epoch,batch,older",
    [
        pytest.param(signal.SIGTERM, 1, 0, False, id="middle"),
        pytest.param(signal.SIGTERM, 1, 0, True, id="older"),
        pytest.param(signal.SIGINT, 1, 1, False, id="end", marks=pytest.mark.slow),
    ],
)
def test_stopped_by_a_signal_and_resumed_it_is_the_same_run_bit_for_bit(
    small_data, small_config, undisturbed, tmp_path, number, epoch, batch, older
):
    """In the middle of an epoch and at its end, with shuffling on, though defaults change."""
    callbacks, run = train._callbacks, tmp_path / "stopped"
    sends = SignalAfter(number, epoch, batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "_callbacks", lambda *x: [*callbacks(*x), sends])
        with pytest.raises(Stopped, match=f"after step {2 * epoch + batch + 1}") as stopped:
            pretrain(small_config, run)
    assert stopped.value.signal == number
    assert not (run / "model.keras").exists()
    if older:
        become_older(run / "config.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(defaults._COMMON, "temperature", 0.5)
        patch.setitem(defaults._COMMON, "optimizer", "sgd")
        patch.setattr(defaults, "_by_size", lambda config: {"stem": "3x3", "encoder": "vit"})
        patch.setattr(defaults, "AS_FEATURES", 7)
        patch.setattr(defaults, "peak_learning_rate", lambda config: 5e-5)
        pretrain(RunConfig.from_json(run / "config.json"), run, resume=True)
    check_same(run, undisturbed)
    assert RunConfig.from_json(run / "config.json", to_resume=True).view_size == 12


def check_same(run, undisturbed):
    timed = ("images_per_second", "input_wait", "minutes")
    resumed = rows(run)
    assert [row["epoch"] for row in resumed] == ["0", "1", "2", "3"]
    for a, b in zip(rows(undisturbed), resumed, strict=True):
        assert all(a[name] == b[name] for name in a if name not in timed), (a, b)
    pairs = zip(arrays(undisturbed / "model.keras"), arrays(run / "model.keras"), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


def test_one_run_a_folder(small_data, small_config, tmp_path):
    with locked(tmp_path), pytest.raises(RunError, match="Another run is writing into"):
        pretrain(small_config, tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run(small_data, small_config, tmp_path, monkeypatch):
    # A greater learning rate than a configuration takes, so that it happens soon.
    explode = keras.optimizers.SGD(1e30, momentum=0.9)
    monkeypatch.setattr(pretrain_module, "build_optimizer", lambda *args: explode)
    with pytest.warns(UserWarning, match="loss of step"), pytest.raises(RunError) as error:
        pretrain(small_config, tmp_path)
    step = int(re.search(r"from step (\d+) on", str(error.value))[1])
    assert re.search("First not finite: (what|the weights of) layer '", str(error.value))
    kept = np.load(tmp_path / "bad-step.npz")
    assert kept["step"] == step and kept["images"].shape == (20, 12, 12, 3)
    paths = list((tmp_path / "checkpoint").glob("step-*"))
    assert paths and all(int(path.name[5:]) < step for path in paths)
    assert not (tmp_path / "model.keras").exists()


def test_determinism_is_asked_for_before_anything_else(monkeypatch, small_config, tmp_path):
    asked = []
    monkeypatch.setattr(pretrain_module.backend, "enable_determinism", lambda: asked.append(1))
    monkeypatch.setattr(pretrain_module.backend, "same_on_all", lambda x: 1 / len(asked))
    with pytest.raises(RunError, match="holds a run already"):
        pretrain(small_config, tmp_path)
    small_config.deterministic = False
    asked.clear()
    with pytest.raises(ZeroDivisionError):
        pretrain(small_config, tmp_path)


def test_a_run_that_appeared_while_data_was_read_stays(
    small_data, small_config, tmp_path, monkeypatch
):
    load = RunData.load

    def load_slowly(config):
        data = load(config)
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "config.json").write_text("another's")
        return data

    monkeypatch.setattr(RunData, "load", load_slowly)
    with pytest.raises(RunError, match="holds a run already"):
        pretrain(small_config, tmp_path / "run")
    assert (tmp_path / "run" / "config.json").read_text() == "another's"
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {"config.json", ".lock"}


def test_minutes_fix_the_steps(small_data, small_config, tmp_path, monkeypatch):
    # By a clock of its own, on which to compile takes 3 s, a step 2 and a batch of a look 0.1,
    # whatever else the machine does.
    seconds = [1000.0]

    def takes(method, time):
        def timed(*args, **kwargs):
            seconds[0] += time
            return method(*args, **kwargs)

        return timed

    callbacks = keras.callbacks.CallbackList
    for owner, name, time in (
        (callbacks, "on_train_begin", 3.0),
        (callbacks, "on_train_batch_begin", 2.0),
        (keras.Model, "predict_on_batch", 0.1),
    ):
        monkeypatch.setattr(owner, name, takes(getattr(owner, name), time))
    monkeypatch.setattr("time.monotonic", lambda: seconds[0])
    small_config.epochs, small_config.minutes = None, 1.0
    pretrain(small_config, tmp_path / "run")
    config = RunConfig.from_json(tmp_path / "run/config.json")
    assert config.total_steps == config.steps_per_epoch * len(rows(tmp_path / "run"))
    # To find out takes seven, and compiling twice takes three more.
    assert 15 < config.total_steps <= 20
    minutes = json.loads((tmp_path / "run/results.json").read_text())["training_minutes"]
    assert 0.9 < minutes < 1.1


def test_a_folder_of_images(image_folder, tmp_path, capsys):
    config = RunConfig(
        data=str(image_folder), image_size=16, width=2, batch_size=4, epochs=1, precision="float32"
    )
    pretrain(config, tmp_path / "run")
    assert "12 images of" in capsys.readouterr().out
    assert len(rows(tmp_path / "run")) == 1
    accuracy = evaluate(tmp_path / "run", test_data=str(image_folder), k=1)["knn_accuracy"]
    assert accuracy == 1.0  # every image is its own nearest neighbour


def test_a_folder_with_one_to_test_on_is_judged_like_cifar10(image_folder, tmp_path, capsys):
    config = RunConfig(
        **{"data": str(image_folder), "test_data": str(image_folder), "image_size": 16, "width": 2},
        **{"batch_size": 4, "epochs": 2, "knn_every": 1, "precision": "float32"},
    )
    pretrain(config, tmp_path / "run")
    assert "kNN accuracy on 12 test images" in capsys.readouterr().out
    assert all(0 <= float(row["knn_accuracy"]) <= 1 for row in rows(tmp_path / "run"))
    assert evaluate(tmp_path / "run", k=1, checkpoint="best")["knn_accuracy"] == 1.0


def test_evaluate_judges_by_views_and_by_a_probe(undisturbed, small_data):
    pytest.importorskip("sklearn")
    whole = evaluate(undisturbed, k=5, temperature=0.5, batch_size=7, probe=True)
    views = evaluate(undisturbed, k=5, temperature=0.5, num_views=2)
    assert set(whole) == {"knn_accuracy", "linear_probe_accuracy"}
    assert all(0 <= x <= 1 for x in (*whole.values(), *views.values()))
    # Two classes that differ in brightness.
    assert whole["linear_probe_accuracy"] > 0.7


def test_evaluate_needs_test_images_with_a_folder(image_folder, tmp_path):
    encoder = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(2, 3)])
    encoder.save(tmp_path / "encoder.keras")
    with pytest.raises(RunError, match="--test-data is needed"):
        evaluate(tmp_path / "encoder.keras", data=str(image_folder))
    with pytest.raises(RunError, match="--image-size is needed"):
        evaluate(tmp_path / "encoder.keras", data=str(image_folder), test_data=str(image_folder))
    with pytest.raises(RunError, match="--data is needed"):
        evaluate(tmp_path / "encoder.keras")
