"""Runs before Keras is imported, which is when it takes its backend."""

import importlib.util
import json
import os
import sys
from pathlib import Path

# In order of speed on a CPU (benchmarks/train_step.py).
_BACKENDS = ("tensorflow", "torch", "jax")


def use_installed_backend() -> str:
    """Makes Keras take a backend that is installed, where nobody has chosen one.

    Keras goes for TensorFlow then, and fails where only JAX or torch is installed.

    Returns:
        Why it is the one that it is, for people.
    """
    if "KERAS_BACKEND" in os.environ:
        return "by KERAS_BACKEND"
    if "keras" in sys.modules:
        return "as Keras was imported"
    configured = _configured_backend()
    if importlib.util.find_spec(configured) is not None:
        fastest = ", the fastest on a CPU" if configured == _BACKENDS[0] else ""
        return f"by Keras's configuration{fastest}"
    for name in _BACKENDS:
        if importlib.util.find_spec(name) is not None:
            os.environ["KERAS_BACKEND"] = name
            return "the fastest on a CPU of those that are installed"
    return "by Keras's configuration"


def _configured_backend():
    """What Keras would take: the backend of its configuration file, or TensorFlow."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        return json.loads((Path(home) / "keras.json").read_text()).get("backend", _BACKENDS[0])
    except (OSError, ValueError):
        return _BACKENDS[0]
