"""Every example runs, with tiny settings."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_simmim as ks

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small_sample(monkeypatch):
    """The first 256 images of the sample."""
    load = ks.datasets.load

    def first(name, split, data_dir=None):
        images, labels = load(name, split, data_dir)
        return images[:256], labels[:256]

    monkeypatch.setattr(ks.datasets, "load", first)


def test_cifar10_simmim(small_sample, tmp_path, capsys):
    output = tmp_path / "model.keras"
    options = ["--data", "sample", "--epochs", "2", "--width", "2", "--batch-size", "64"]
    accuracy = example("cifar10_simmim").main([*options, "--output", str(output)])
    out = capsys.readouterr().out
    assert "epoch 2: loss" in out and f"{accuracy:.2%}" in out
    assert keras.saving.load_model(output).built


def test_image_folder_224(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for index in range(5):
        pixels = rng.integers(0, 256, (40, 30 + index, 3)).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / "photos" / "deep" / f"{index}.png")
    options = ["--epochs", "1", "--image-size", "64", "--batch-size", "2", "--width", "2"]
    output = str(tmp_path / "model.keras")
    features = example("image_folder_224").main(
        [str(tmp_path / "photos"), *options, "--output", output]
    )
    assert features.shape == (5, 16) and np.all(np.isfinite(features))


def test_compare_methods(small_sample, capsys):
    options = ["--epochs", "1", "--width", "2", "--batch-size", "64"]
    accuracies = example("compare_methods").main(options)
    assert list(accuracies) == ["SimMIM", "SimCLR", "MoCo", "BYOL", "EMP-SSL"]
    assert f"BYOL: kNN accuracy {accuracies['BYOL']:.2%}" in capsys.readouterr().out


def test_masked_image_modeling(small_sample, capsys):
    pytest.importorskip("sklearn")
    options = ["--epochs", "1", "--fine-tune-epochs", "1", "--width", "12", "--depth", "2"]
    accuracies = example("masked_image_modeling").main(options)
    assert list(accuracies) == ["from scratch", "pre-trained"]
    assert "linear probe of block_2" in capsys.readouterr().out


def test_linear_probe_and_fine_tuning_of_a_saved_model(small_sample, tmp_path):
    pytest.importorskip("sklearn")
    model = ks.SimMIM(ks.encoders.ResNet(10, 2, (32, 32, 3), stem="3x3/2"))
    model.save(tmp_path / "model.keras")
    probe = example("linear_probe")
    whole = probe.main([str(tmp_path / "model.keras")])
    views = probe.main([str(tmp_path / "model.keras"), "--num-views", "2"])
    assert 0 < whole < 1 and 0 < views < 1
    options = ["--fractions", "0.1", "--epochs", "1"]
    accuracies = example("fine_tune_with_few_labels").main(
        [str(tmp_path / "model.keras"), *options]
    )
    assert list(accuracies) == [("from scratch", 0.1), ("pre-trained", 0.1)]


@pytest.mark.slow
def test_custom_encoder(small_sample, tmp_path, capsys):
    output = tmp_path / "encoder.keras"
    options = ["--epochs", "1", "--width", "4", "--output", str(output)]
    accuracies = example("custom_encoder").main(options)
    assert all(0 < accuracy < 1 for accuracy in accuracies)
    assert f"frozen encoder: {accuracies[1]:.2%}" in capsys.readouterr().out
    loaded = keras.saving.load_model(output)
    assert loaded.compute_output_shape((None, 32, 32, 3)) == (None, 2, 2, 32)


@pytest.mark.slow
def test_keras_cv_encoder(small_sample, tmp_path, capsys):
    pytest.importorskip("keras_cv")
    output = tmp_path / "model.keras"
    options = ["--epochs", "1", "--level", "P2", "--output", str(output)]
    accuracy = example("keras_cv_encoder").main(options)
    out = capsys.readouterr().out
    assert "maps of shape (8, 8, 64)" in out and f"{accuracy:.2%}" in out
    assert keras.saving.load_model(output).features_shape == (None, 8, 8, 64)


@pytest.mark.slow
def test_transfer_to_your_folder(tmp_path, capsys):
    pytest.importorskip("sklearn")
    transfer = example("transfer_to_your_folder")
    model = ks.SimMIM(ks.encoders.ResNet(10, 2, (16, 16, 3), stem="3x3/2"))
    model.save(tmp_path / "model.keras")
    (tmp_path / "photos").mkdir()
    transfer.write_folder(tmp_path / "photos", 90)
    options = ["--model", str(tmp_path / "model.keras"), "--image-size", "16", "--epochs", "1"]
    accuracies = transfer.main([str(tmp_path / "photos"), *options])
    assert list(accuracies) == ["from scratch", "pre-trained"]
    out = capsys.readouterr().out
    assert "90 images of 10 classes" in out
    assert f"fine-tuned {accuracies['pre-trained']['fine-tuned']:.1%}" in out


def test_transfer_holds_out_a_third_of_each_class(tmp_path):
    transfer = example("transfer_to_your_folder")
    transfer.write_folder(tmp_path, 60)
    (train, train_y), (test, test_y) = transfer.read_folder(tmp_path, 32)
    images, labels = ks.datasets.load("sample", "test")
    together = np.concatenate([train, test]).sum((1, 2, 3), dtype=int)
    assert sorted(together) == sorted(images[:60].sum((1, 2, 3), dtype=int))
    names = sorted(set(labels[:60]))
    for index, name in enumerate(names):
        assert np.sum(test_y == index) == np.sum(labels[:60] == name) // 3
        assert np.sum(train_y == index) + np.sum(test_y == index) == np.sum(labels[:60] == name)


@pytest.mark.slow
def test_multi_gpu(small_sample, tmp_path, capsys):
    output = tmp_path / "model.keras"
    options = ["--epochs", "1", "--width", "2", "--batch-size", "64", "--output", str(output)]
    # Processes are torchrun's to start, devices ours to choose.
    devices = [] if keras.backend.backend() == "torch" else ["--devices", "1"]
    history = example("multi_gpu").main([*options, *devices])
    assert "1 devices," in capsys.readouterr().out and len(history["loss"]) == 1
    assert keras.saving.load_model(output).built
