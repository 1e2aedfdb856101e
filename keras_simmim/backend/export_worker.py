"""The process that writes what another backend can't, started by `export_files` with a folder."""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import keras_simmim  # noqa: F401  registers the classes that the model's file names
from keras_simmim.backend.write_and_run import write_and_run


def _main(folder):
    model = keras.saving.load_model(folder / "model.keras")
    images = np.load(folder / "images.npy")
    for form, path in json.loads((folder / "jobs.json").read_text()).items():
        np.save(folder / f"{form}.npy", write_and_run(model, form, Path(path), images))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
