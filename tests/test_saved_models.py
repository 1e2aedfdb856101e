"""Every saved model loads under this backend and is as good as its record says."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import keras_simmim as ks
from keras_simmim.backend.run_litert import run_litert
from keras_simmim.backend.run_onnx import run_onnx
from keras_simmim.evaluation.model_knn import model_knn
from keras_simmim.from_pretrained import saved_models
from keras_simmim.methods import Method
from keras_simmim.runs.run_data import load_labelled

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("saved_models/*/card.md"))
# Those that `keras-simmim publish` wrote.
PUBLISHED = [folder for folder in FOLDERS if (folder / "encoder.keras").exists()]
each_of = pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
in_checkout = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="the source archive leaves out what is large"
)
# Rounding differs a little between backends.
NEAR = 0.003 + 1e-6


@pytest.fixture(scope="module")
def sample():
    return load_labelled("sample")


def test_there_are_saved_models():
    assert "demo_resnet_sample" in [folder.name for folder in FOLDERS]
    assert set(saved_models()) == {folder.name for folder in FOLDERS}


def test_accuracy_of_the_demo_is_that_of_the_record(sample):
    folder = FOLDERS[0].parent / "demo_resnet_sample"
    model = ks.from_pretrained("demo_resnet_sample", "model")
    assert isinstance(model, ks.SimMIM)
    accuracy = json.loads((folder / "results.json").read_text())["knn_accuracy"]
    # bfloat16 rounds a little differently on each backend.
    assert model_knn(model, sample) == pytest.approx(accuracy, abs=0.01)
    assert f"{accuracy:.1%}" in (folder / "card.md").read_text()


@each_of
def test_accuracy_on_the_sample_is_that_of_the_record(folder, sample):
    results = json.loads((folder / "results.json").read_text())
    # Of a model of the sample, its record is that itself.
    check(folder, sample, results.get("sample", results))


@pytest.mark.slow
@each_of
def test_accuracy_on_all_images_is_that_of_the_card(folder):
    data = json.loads((folder / "config.json").read_text())["data"]
    data_dir = os.environ.get("TFDS_DATA_DIR")
    if data == "cifar10" and data_dir is None:
        pytest.skip("TFDS_DATA_DIR names no copy of CIFAR-10")
    results = json.loads((folder / "results.json").read_text())
    check(folder, load_labelled(data, data_dir), results)
    card = (folder / "card.md").read_text()
    for name in ("knn_accuracy", "classifier_accuracy", "int8_knn_accuracy"):
        assert f"{results[name]:.1%}" in card


def check(folder, labelled, results):
    *_, test_images, test_y = labelled
    encoder, classifier = (ks.from_pretrained(folder, kind) for kind in ("encoder", "classifier"))
    assert model_knn(encoder, labelled) == pytest.approx(results["knn_accuracy"], abs=NEAR)
    predicted = ks.evaluation.embed(classifier, test_images).argmax(axis=1)
    accuracy = results["classifier_accuracy"]
    assert np.mean(predicted == test_y) == pytest.approx(accuracy, abs=NEAR)


@in_checkout
@each_of
def test_other_files_compute_what_keras_does(folder, sample):
    images = sample[2][:20]
    assert {file.name for file in folder.iterdir()} >= set(
        json.loads((folder / "results.json").read_text())["files"]
    )
    for kind in ("encoder", "classifier"):
        expected = ks.evaluation.embed(ks.from_pretrained(folder, kind), images)
        atol = 1e-4 * max(1, np.abs(expected).max())
        for run, suffix in ((run_onnx, "onnx"), (run_litert, "tflite")):
            outputs = run(folder / f"{kind}.{suffix}", images)
            np.testing.assert_allclose(outputs, expected, atol=atol)
    expected = ks.evaluation.embed(ks.from_pretrained(folder), images)
    outputs = run_litert(folder / "encoder_int8.tflite", images)
    cosines = np.sum(outputs * expected, axis=1)
    cosines /= np.linalg.norm(outputs, axis=1) * np.linalg.norm(expected, axis=1)
    assert np.mean(cosines) > 0.99


@in_checkout
@each_of
def test_training_can_go_on(folder):
    assert isinstance(ks.from_pretrained(folder, "model"), Method)
