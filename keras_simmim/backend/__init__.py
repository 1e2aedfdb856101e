"""The one place where TensorFlow, JAX and torch differ: the same names in each sub-package."""

import importlib

import keras

if keras.backend.backend() not in ("tensorflow", "jax", "torch"):
    raise ImportError(
        "keras_simmim trains on the TensorFlow, JAX and torch backends of Keras. Set "
        "KERAS_BACKEND=tensorflow, jax or torch before Keras is imported. "
        f"Received: {keras.backend.backend()!r}"
    )

_engine = importlib.import_module(f"keras_simmim.backend.{keras.backend.backend()}")

TrainStepMixin = _engine.TrainStepMixin
batch_norm = _engine.batch_norm
check_precision = _engine.check_precision
conv2d = _engine.conv2d
enable_determinism = _engine.enable_determinism
map_tiles = _engine.map_tiles
preferred_precision = _engine.preferred_precision
