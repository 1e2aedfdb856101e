import csv
import json

import keras
import numpy as np
import pytest

from keras_simmim.runs import Checkpoint, RunConfig, RunError, evaluate, pretrain


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
    assert names == files | {"checkpoint", "tensorboard"}
    assert list((run / "tensorboard").glob("events*"))
    losses = [float(row["loss"]) for row in rows(run)]
    assert len(losses) == 4 and np.all(np.isfinite(losses))
    assert float(rows(run)[0]["learning_rate"]) > float(rows(run)[3]["learning_rate"])
    out = capsys.readouterr().out
    results = json.loads((run / "results.json").read_text())
    assert f"{results['knn_accuracy']:.2%} trained" in out
    assert f"{results['knn_accuracy']:.2%} loaded back" in out
    assert evaluate(run)["knn_accuracy"] == results["knn_accuracy"]
    # encoder.keras is the encoder alone, for raw images.
    encoder = keras.saving.load_model(run / "encoder.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3)).astype("uint8")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(encoder(images)),
        keras.ops.convert_to_numpy(model.encoder(images)),
    )


def test_resumed_after_a_stop_it_is_the_same_run_bit_for_bit(
    small_data, small_config, tmp_path, monkeypatch
):
    """Stopped after epoch 2 of 4, with shuffling on."""
    config = RunConfig(**vars(small_config))
    pretrain(config, tmp_path / "undisturbed")

    def stop(self, epoch, logs=None):
        whole(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    whole = Checkpoint.on_epoch_end
    monkeypatch.setattr(Checkpoint, "on_epoch_end", stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain(small_config, tmp_path / "stopped")
    monkeypatch.setattr(Checkpoint, "on_epoch_end", whole)
    assert not (tmp_path / "stopped" / "model.keras").exists()
    pretrain(RunConfig.from_json(tmp_path / "stopped/config.json"), tmp_path / "stopped", True)

    undisturbed, resumed = rows(tmp_path / "undisturbed"), rows(tmp_path / "stopped")
    assert [row["epoch"] for row in resumed] == ["0", "1", "2", "3"]
    for a, b in zip(undisturbed, resumed, strict=True):
        assert a["loss"] == b["loss"]
        assert a["contrastive_accuracy"] == b["contrastive_accuracy"]
    pairs = zip(
        arrays(tmp_path / "undisturbed/model.keras"),
        arrays(tmp_path / "stopped/model.keras"),
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_minutes_fix_the_steps(small_data, small_config, tmp_path):
    small_config.epochs, small_config.minutes = None, 1.0
    pretrain(small_config, tmp_path / "run")
    config = RunConfig.from_json(tmp_path / "run/config.json")
    assert config.total_steps == config.steps_per_epoch * len(rows(tmp_path / "run"))
    assert config.total_steps > 2


def test_a_folder_of_images(image_folder, tmp_path, capsys):
    config = RunConfig(
        data=str(image_folder), image_size=16, width=2, batch_size=4, epochs=1, precision="float32"
    )
    pretrain(config, tmp_path / "run")
    assert "12 images of" in capsys.readouterr().out
    assert len(rows(tmp_path / "run")) == 1
    accuracy = evaluate(tmp_path / "run", test_data=str(image_folder), k=1)["knn_accuracy"]
    assert accuracy == 1.0  # every image is its own nearest neighbour


def test_evaluate_needs_test_images_with_a_folder(image_folder, tmp_path):
    encoder = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(2, 3)])
    encoder.save(tmp_path / "encoder.keras")
    with pytest.raises(RunError, match="--test-data is needed"):
        evaluate(tmp_path / "encoder.keras", data=str(image_folder))
    with pytest.raises(RunError, match="--data is needed"):
        evaluate(tmp_path / "encoder.keras")


def test_does_not_write_over_a_run(small_data, small_config, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RunError, match="holds a run already"):
        pretrain(small_config, tmp_path)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"data": "imagenet"}, "imagenet"),
        ({"batch_size": 64}, "fewer images than one batch"),
        ({"crop_scale": (0.9, 0.2)}, "crop_scale"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_what_cannot_be_run_is_said_first(request, small_config, tmp_path, changes, message):
    if "data" not in changes:
        request.getfixturevalue("small_data")
    for name, value in changes.items():
        setattr(small_config, name, value)
    with pytest.raises(RunError, match=message):
        pretrain(small_config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
