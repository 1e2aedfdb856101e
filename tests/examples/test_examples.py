"""Every example runs, with tiny settings."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import keras_simmim as ks

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cifar10_simmim(monkeypatch, tmp_path, capsys):
    load = ks.datasets.load

    def first(name, split, data_dir):
        images, labels = load(name, split, data_dir)
        return images[:256], labels[:256]

    monkeypatch.setattr(ks.datasets, "load", first)
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
