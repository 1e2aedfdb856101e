from pathlib import Path

import keras
import numpy as np

from keras_simmim import backend
from keras_simmim.backend.run_litert import run_litert
from keras_simmim.backend.run_onnx import run_onnx

# Images that a file is run on, and calls that they come in: of one image, then of the others.
_CALLS = (slice(0, 1), slice(1, 64))


def write_and_run(model: keras.Model, form: str, path: Path, images: np.ndarray) -> np.ndarray:
    """Writes a model to a file and runs that in its own runtime, in batches of two sizes.

    Args:
        model: functional model of float32 from uint8 images.
        form: name of the format, which the running backend can write.
        path: the file or folder.
        images: `(N, H, W, C)` uint8: int8 is calibrated on all, what is written is run on the first
            64.

    Returns:
        `(min(N, 64), ...)` float32.
    """
    backend.write_export(model, form, path, images)
    run = backend.run_export
    if form.startswith("onnx"):
        run = run_onnx
    elif form.startswith("litert"):
        run = run_litert
    batches = (images[call] for call in _CALLS)
    return np.concatenate([run(path, batch) for batch in batches if len(batch)])
