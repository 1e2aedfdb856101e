"""The example that runs where neither Keras nor a framework is."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_simmim as ks
from keras_simmim.evaluation import Classifier

EXAMPLE = Path(__file__).parents[2] / "examples" / "edge_inference.py"
CODE = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("example", sys.argv[1])
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)
predicted = example.main(sys.argv[2:])
print(json.dumps([list(predicted.values()), sorted(name.split(".")[0] for name in sys.modules)]))
"""
# What each backend writes by itself; the files are the same.
FORMS = {
    "tensorflow": ["litert", "litert-int8"],
    "torch": ["onnx"],
    "jax": [],
}[keras.backend.backend()]


@pytest.fixture
def classifier():
    """Of three classes: red, green and blue."""
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255)])
    classifier = Classifier(encoder, num_classes=3)
    classifier.build((None, 8, 8, 3))
    classifier.classifier.set_weights([10 * np.eye(3), np.zeros(3)])
    return classifier


@pytest.mark.parametrize("form", FORMS)
def test_images_of_a_folder_are_classified(classifier, tmp_path, form):
    pytest.importorskip("onnxruntime")
    photos, colors = tmp_path / "photos", [2, 0, 1, 0, 1]
    (photos / "deep").mkdir(parents=True)
    for index, color in enumerate(colors):
        pixels = np.full((20, 12 + index, 3), 30, "uint8")
        pixels[..., color] = 220
        Image.fromarray(pixels).save(photos / "deep" / f"{index}.png")
    noise = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), "uint8")
    path = ks.export(classifier, tmp_path, form, noise)[form].path
    arguments = [str(path), str(photos), "--classes", "red,green,blue", "--batch-size", "2"]
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(EXAMPLE), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    predicted, modules = json.loads(lines[-1])
    assert predicted == colors
    assert "0.png: blue" in lines[0] and "1.png: red" in lines[1]
    assert {"keras", "tensorflow", "torch", "jax", "keras_simmim"}.isdisjoint(modules)


def test_a_folder_without_images_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "classifier.onnx", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and f"no images in {tmp_path}" in done.stderr
