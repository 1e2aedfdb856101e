"""Every saved model loads under this backend and is as good as its record says."""

import json
from pathlib import Path

import keras
import pytest

import keras_simmim as ks
from keras_simmim.evaluation.model_knn import model_knn
from keras_simmim.runs.run_data import load_labelled

FOLDERS = sorted(path.parent for path in Path(__file__).parents[1].glob("saved_models/*/card.md"))


def test_there_are_saved_models():
    assert "demo_resnet_sample" in [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_accuracy_is_that_of_the_record(folder):
    model = keras.saving.load_model(folder / "model.keras")
    assert isinstance(model, ks.SimMIM)
    accuracy = json.loads((folder / "results.json").read_text())["knn_accuracy"]
    # bfloat16 rounds a little differently on each backend.
    assert model_knn(model, load_labelled("sample")) == pytest.approx(accuracy, abs=0.01)
    assert f"{accuracy:.1%}" in (folder / "card.md").read_text()
