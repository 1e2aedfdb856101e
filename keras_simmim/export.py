"""From an encoder or classifier to files for other runtimes: the one door to `backend/` for it."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_simmim.backend.export_files import export_files
from keras_simmim.backend.export_formats import FORMATS, check_formats
from keras_simmim.encoders.check_encoder import check_encoder
from keras_simmim.encoders.float32_copy import float32_copy
from keras_simmim.encoders.pooling import pool
from keras_simmim.evaluation.classifier import Classifier
from keras_simmim.evaluation.embed import embed
from keras_simmim.from_pretrained import from_pretrained
from keras_simmim.methods import Method


class Exported(NamedTuple):
    """A file that was written.

    Attributes:
        path: the file, or the folder of a SavedModel.
        difference: largest difference of a result from that of Keras, as a share of the largest
            result.
        cosine: cosine between an image's results from the file and from Keras, mean over images.
    """

    path: Path
    difference: float
    cosine: float

    @property
    def size(self) -> int:
        """Bytes on disk."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files)


def export(
    model: keras.layers.Layer | str | os.PathLike,
    folder: str | os.PathLike,
    to: str | Sequence[str] = "onnx",
    images: np.ndarray | None = None,
    name: str | None = None,
) -> dict[str, Exported]:
    """Writes an encoder or a classifier to files that run without Keras.

    What is written takes uint8 images `(N, H, W, C)`, any N, and returns float32: of an encoder the
    features `(N, F)` that `evaluation.embed` gives, of a classifier logits. It computes in float32,
    whatever the model was trained in. Each file is then loaded in its own runtime, and its results
    compared with those of Keras: to 1e-4 of the largest, float16 to 1e-2.

    Formats: "onnx" and "onnx-float16" (onnxruntime), "litert", "litert-float16" and "litert-int8"
    (`.tflite`), "saved-model" (TensorFlow), "torch-export" (`.pt2`). "litert-int8" computes in
    integers alone and returns int8, with a scale and a zero point; it is calibrated on images.
    What the running backend can't write is written in a process of another one, by the model's
    `.keras` file.

    Args:
        model: encoder, `evaluation.Classifier`, or a method, of which the encoder is taken; or what
            `from_pretrained` takes: a `.keras` file, a run folder, or a name.
        folder: where files go; made if missing. Files of the same name are replaced.
        to: names of formats.
        images: uint8 `(N, H, W, C)`, some of those that the model was trained on, which files are
            compared and int8 is calibrated with. None: those of the run, if `model` is a run
            folder; otherwise noise, which int8 can't be calibrated on.
        name: what files are called; None: "encoder" or "classifier".

    Returns:
        What was written, by format.

    Raises:
        ImportError: where a format needs a backend or a package that is not installed.
        ValueError: for a model, formats or images that can't be used.
        RunError: where the images of a run can't be read.
        RuntimeError: where a file's results differ too much from those of Keras (it is not kept),
            or the process of another backend fails.
    """
    forms = check_formats(to, keras.backend.backend())
    if not isinstance(model, keras.layers.Layer):
        model = Path(model).expanduser()
        if images is None and (model / "config.json").is_file():
            # Here, as importing the room of runs takes a while.
            from keras_simmim.runs import RunConfig, images_of_run

            images = images_of_run(RunConfig.from_json(model / "config.json"))
        # A file is written as what it holds, which may be a classifier.
        model = from_pretrained(model, "model" if model.is_file() else "encoder")
    if isinstance(model, Method):
        model = model.encoder
    images = _check_images(model, images, forms)
    exportable = as_exported(model, images.shape[1:])
    name = name or ("classifier" if isinstance(model, Classifier) else "encoder")
    with tempfile.TemporaryDirectory() as temporary:
        paths = {form: Path(temporary) / FORMATS[form].file.format(name) for form in forms}
        outputs = export_files(exportable, paths, images)
        exported = {}
        for form, path in paths.items():
            count = len(outputs[form])
            expected = embed(exportable, images[:count], batch_size=count)
            difference, cosine = _compare(form, outputs[form], expected)
            exported[form] = Exported(_move(path, Path(folder)), difference, cosine)
    return exported


def as_exported(model: keras.layers.Layer, image_shape: Sequence[int]) -> keras.Model:
    """The model that is written: uint8 images to features or logits, all in float32.

    Args:
        model: encoder or `Classifier`.
        image_shape: `(height, width, channels)`.
    """
    check_encoder(model, image_shape)
    images = keras.Input(tuple(image_shape), dtype="uint8", name="images")
    outputs = float32_copy(model, image_shape)(images)
    return keras.Model(images, outputs if isinstance(model, Classifier) else pool(outputs))


def _check_images(model, images, forms):
    if images is None:
        if "litert-int8" in forms:
            raise ValueError(
                "litert-int8 is calibrated on training images: give `images`, uint8 "
                "(N, H, W, C). Received: images=None"
            )
        encoder = model.encoder if isinstance(model, Classifier) else model
        shape = getattr(encoder, "input_shape", None)
        if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
            raise ValueError(
                "The size of images must be known: give `images`, uint8 (N, H, W, C), some of the "
                f"training images. Received: images=None, a model of {shape}"
            )
        return np.random.default_rng(0).integers(0, 256, (64, *shape[1:]), "uint8")
    images = np.asarray(images)
    if images.ndim != 4 or images.dtype != "uint8" or len(images) == 0:
        raise ValueError(
            "`images` must be uint8 (N, H, W, C), pixel values 0...255. "
            f"Received: {images.dtype} of shape {images.shape}"
        )
    return images


def _compare(form, outputs, expected):
    """Largest relative difference and mean cosine; raises if the first is too much."""
    difference = float(np.abs(outputs - expected).max() / (np.abs(expected).max() or 1.0))
    norms = np.linalg.norm(outputs, axis=1) * np.linalg.norm(expected, axis=1)
    cosine = float(
        np.mean(np.sum(outputs * expected, axis=1) / np.maximum(norms, np.finfo("float32").tiny))
    )
    tolerance = FORMATS[form].tolerance
    if tolerance is not None and not difference <= tolerance:
        raise RuntimeError(
            f"What was written as {form} does not compute what Keras does: results differ by "
            f"{difference:.2g}, where {tolerance:g} is allowed. It was not kept."
        )
    return difference, cosine


def _move(path, folder):
    folder.mkdir(parents=True, exist_ok=True)
    place, partial = folder / path.name, folder / f"partial-{path.name}"
    # From another disk it is a copy, which may break off.
    shutil.move(path, partial)
    if place.is_dir():
        shutil.rmtree(place)
    return partial.replace(place)
