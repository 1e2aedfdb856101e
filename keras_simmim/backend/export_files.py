"""Formats are written by the backend that is running or, where it can't, in a process of another.

What another one writes goes there as a `.keras` file; see `export_worker.py`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from keras_simmim import backend
from keras_simmim.backend.export_formats import choose_backend
from keras_simmim.backend.write_and_run import write_and_run

# Weights are the same anywhere, and the devices are taken.
_ON_CPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}


def export_files(
    model: keras.Model, paths: dict[str, Path], images: np.ndarray
) -> dict[str, np.ndarray]:
    """Writes a model to files and runs each in its own runtime.

    Args:
        model: functional model of float32 from uint8 images.
        paths: where each format goes, by its name.
        images: `(N, H, W, C)` uint8, see `write_and_run`.

    Returns:
        What each file makes of the images it was run on, by format.

    Raises:
        ImportError: where a format needs a backend or a package that is not installed.
        RuntimeError: where another backend's process fails, with what it said.
    """
    own = keras.backend.backend()
    chosen = {form: choose_backend(form, own) for form in paths}
    outputs = {}
    for name in dict.fromkeys(chosen.values()):
        jobs = {form: path for form, path in paths.items() if chosen[form] == name}
        if name == own and backend.exports_are_portable():
            for form, path in jobs.items():
                outputs[form] = write_and_run(model, form, path, images)
        else:
            outputs |= _in_a_process_of(name, model, jobs, images)
    return outputs


def _in_a_process_of(name, model, jobs, images):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model.save(folder / "model.keras")
        np.save(folder / "images.npy", images)
        places = {form: str(path.resolve()) for form, path in jobs.items()}
        (folder / "jobs.json").write_text(json.dumps(places))
        done = subprocess.run(
            [sys.executable, "-m", "keras_simmim.backend.export_worker", str(folder)],
            env={**os.environ, **_ON_CPU, "KERAS_BACKEND": name},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise RuntimeError(
                f"The process of the backend {name} that writes {', '.join(jobs)} failed. (Classes "
                "of your own are known only to your script: run that with "
                f"KERAS_BACKEND={name}.) It said: {said}"
            )
        return {form: np.load(folder / f"{form}.npy") for form in jobs}
