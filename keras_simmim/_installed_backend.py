"""Runs before Keras is imported, which is when it takes its backend."""

import importlib.util
import json
import os
import sys
from pathlib import Path

_BACKENDS = ("tensorflow", "jax", "torch")


def use_installed_backend() -> None:
    """Makes Keras take a backend that is installed, where nobody has chosen one.

    Keras goes for TensorFlow then, and fails where only JAX or torch is installed.
    """
    if "KERAS_BACKEND" in os.environ or "keras" in sys.modules:
        return
    if importlib.util.find_spec(_configured_backend()) is not None:
        return
    for name in _BACKENDS:
        if importlib.util.find_spec(name) is not None:
            os.environ["KERAS_BACKEND"] = name
            return


def _configured_backend():
    """What Keras would take: the backend of its configuration file, or TensorFlow."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        return json.loads((Path(home) / "keras.json").read_text()).get("backend", _BACKENDS[0])
    except (OSError, ValueError):
        return _BACKENDS[0]
