import csv
import importlib.util
import json

import keras
import numpy as np
import pytest

import keras_simmim as ks
from keras_simmim.card import write_card
from keras_simmim.publish import publish
from keras_simmim.runs import RunConfig, RunError

publish_module = importlib.import_module("keras_simmim.publish")

RESULTS = {
    "machine": "2 cores of a processor",
    "training_minutes": 61.2,
    "images_seen": 12345,
    "parameters": 6789,
    "knn_accuracy_untrained": 0.251,
    "test_images": 1000,
    "knn_accuracy": 0.552,
    "knn_accuracy_as_trained": 0.531,
    "classifier": "a linear probe of the encoder",
    "classifier_accuracy": 0.613,
    "int8_knn_accuracy": 0.549,
    "per_class": {"cat|<b>": {"knn": 0.4, "classifier": 0.5}},
    "files": {"encoder.keras": 1_230_000},
}


def test_the_card_says_what_the_record_has(tmp_path):
    config = RunConfig(data="cifar10", data_dir="/home/me/data", minutes=60.0, steps=1234)
    config.backend, config.precision = "jax", "float32"
    config.seed, config.steps_per_epoch, config.encoder = 7, 39, "resnet18"
    history = tmp_path / "history.csv"
    history.write_text("epoch,loss,minutes\n0,5.5,1\n1,4.25,2\n")
    write_card(tmp_path, "my_model", config, RESULTS, history, 32, "CC0-1.0")
    card = (tmp_path / "card.md").read_text()
    assert card.startswith("# my_model\n")
    for text in (
        "`keras-simmim pretrain --data cifar10 --method simmim --encoder resnet18 --steps 1234 "
        "--precision float32 --seed 7 --backend jax`",
        "| seed | 7 |",
        "61.2 minutes, 2 epochs of 39 steps, 12,345 images seen, loss 5.500 to 4.250",
        "2 cores of a processor, jax, float32",
        "| 55.2% (25.1% before training) |",
        "| kNN accuracy before features are standardised | 53.1% |",
        "a linear probe of the encoder | 61.3% |",
        "| 54.9% |",
        "| cat\\|&lt;b&gt; | 40.0% | 50.0% |",
        "| `encoder.keras` | 1.23 |",
        "CC0-1.0; CIFAR-10 by Krizhevsky, 2009",
        'ks.from_pretrained("my_model")',
    ):
        assert text in card, text


def test_a_class_without_test_images_has_no_accuracy():
    test_y, knn = np.array([0, 2, 2]), np.array([True, False, True])
    found = publish_module._per_class(["cat", "dog", "eel"], test_y, knn, ~knn)
    assert found == {
        "cat": {"knn": 1.0, "classifier": 0.0},
        "eel": {"knn": 0.5, "classifier": 0.5},
    }


def test_what_has_not_ended_or_has_no_labels_is_refused(tmp_path):
    with pytest.raises(RunError, match="is no run folder"):
        publish(tmp_path, tmp_path / "saved")
    (tmp_path / "photos").mkdir()
    config = RunConfig(data=str(tmp_path / "photos"))
    config.to_json(tmp_path / "config.json")
    with pytest.raises(RunError, match="has its training ended"):
        publish(tmp_path, tmp_path / "saved")
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(RunError, match="--test-data is needed"):
        publish(tmp_path, tmp_path / "saved")
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    RunConfig(data="sample").to_json(tmp_path / "config.json")
    with pytest.raises(RunError, match="model.keras"):
        publish(tmp_path, tmp_path / "saved")
    assert not list(tmp_path.glob("*saved*"))


def test_a_missing_extra_is_told_before_anything_is_computed(tmp_path, monkeypatch):
    find = lambda name: None if name == "ai_edge_litert" else True  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(publish_module, "load_data", None)
    (tmp_path / "results.json").write_text("{}")
    RunConfig(data="sample").to_json(tmp_path / "config.json")
    with pytest.raises(RunError, match="litert is written by .*pip install"):
        publish(tmp_path, tmp_path / "saved")


def test_what_has_been_published_stays(tmp_path):
    (tmp_path / "results.json").write_text("{}")
    RunConfig(data="sample").to_json(tmp_path / "config.json")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "card.md").write_text("mine")
    with pytest.raises(RunError, match="saved exists: give another name, or remove it"):
        publish(tmp_path, tmp_path / "saved")
    assert (tmp_path / "saved" / "card.md").read_text() == "mine"


@pytest.mark.parametrize("breaks", ["export", "write_card"])
def test_what_breaks_off_leaves_nothing(tmp_path, monkeypatch, breaks):
    for name in ("results.json", "config.json", "history.csv", "model.keras"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    (tmp_path / "history.csv").write_text("epoch,loss\n0,5.0\n")

    def fail(*args):
        raise RuntimeError("it broke")

    def make(run, folder, *args):
        folder.mkdir(parents=True)
        (folder / "encoder.keras").write_text("half")
        return fail() if breaks == "export" else {}

    monkeypatch.setattr(publish_module, "_make", make)
    monkeypatch.setattr(publish_module, "write_card", fail)
    monkeypatch.setattr(publish_module, "load_data", lambda *args: None)
    monkeypatch.setattr(publish_module, "images_of_run", lambda *args: np.zeros((1, 8, 8, 3)))
    RunConfig(data="sample").to_json(tmp_path / "config.json")
    with pytest.raises(RunError, match="it broke"):
        publish(tmp_path, tmp_path / "models" / "small")
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("fine_tune_epochs", [None, 1])
def test_a_run_becomes_a_saved_model(tmp_path, fine_tune_epochs, capsys):
    pytest.importorskip("onnx")
    run, folder = tmp_path / "run", tmp_path / "saved" / "small"
    run.mkdir()
    config = RunConfig(data="sample", encoder="resnet10", precision="mixed_bfloat16", seed=0)
    config.backend, config.steps_per_epoch = keras.backend.backend(), 1
    config.to_json(run / "config.json")
    record = ("training_minutes", "images_seen", "parameters", "knn_accuracy_untrained")
    (run / "results.json").write_text(json.dumps({name: RESULTS[name] for name in record}))
    with (run / "history.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["epoch", "loss"], [0, 5.0]])
    encoder = ks.encoders.ResNet(10, 4, (None, None, 3), stem="3x3/2", dtype="mixed_bfloat16")
    method = ks.SimCLR(encoder, projection_head=ks.heads.ProjectionHead(8))
    method(np.zeros((1, 32, 32, 3), "uint8"))
    method.save(run / "model.keras")

    results = publish(run, folder, fine_tune_epochs=fine_tune_epochs)
    assert ("accuracy: " in capsys.readouterr().out) == (fine_tune_epochs == 1)
    assert sorted(file.name for file in folder.iterdir()) == [
        "card.md",
        *("classifier.keras", "classifier.onnx", "classifier.tflite", "config.json"),
        *("encoder.keras", "encoder.onnx", "encoder.tflite", "encoder_int8.tflite"),
        *("model.keras", "results.json"),
    ]
    assert json.loads((folder / "results.json").read_text()) == results
    assert results["files"]["encoder_int8.tflite"] < 0.6 * results["files"]["encoder.tflite"]
    assert results["int8_knn_accuracy"] == pytest.approx(results["knn_accuracy"], abs=0.02)
    per_class = [of_class["knn"] for of_class in results["per_class"].values()]
    assert len(per_class) == 10 and np.mean(per_class) == pytest.approx(results["knn_accuracy"])
    assert f"{results['classifier_accuracy']:.1%}" in (folder / "card.md").read_text()
    # As measured, when loaded again.
    train_images, train_y = ks.datasets.load("sample", "train")
    images, labels = ks.datasets.load("sample", "test")
    loaded = ks.from_pretrained(folder)
    assert loaded.compute_dtype == "float32"
    train_x, test_x = (ks.evaluation.embed(loaded, part) for part in (train_images, images))
    knn = ks.evaluation.knn_accuracy(train_x, train_y, test_x, labels)
    assert knn == pytest.approx(results["knn_accuracy"]) and knn > 0.12
    classifier = ks.from_pretrained(folder, "classifier")
    accuracy = np.mean(ks.evaluation.embed(classifier, images).argmax(axis=1) == labels)
    assert accuracy == pytest.approx(results["classifier_accuracy"]) and accuracy > 0.12
    assert isinstance(ks.from_pretrained(folder, "model"), ks.SimCLR)
