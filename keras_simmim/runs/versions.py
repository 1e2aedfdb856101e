import importlib.metadata
import platform

import keras

import keras_simmim


def versions() -> dict[str, str]:
    """Versions of what computes here: of this package, Keras, its backend, NumPy and Python."""
    names = ("keras", keras.backend.backend(), "numpy")
    return {
        "keras_simmim": keras_simmim.__version__,
        **{name: importlib.metadata.version(name) for name in names},
        "python": platform.python_version(),
    }
