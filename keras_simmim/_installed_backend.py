"""Runs before Keras is imported, which is when it takes its backend."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import NoReturn

# In order of speed on a CPU (benchmarks/train_step.py).
_BACKENDS = ("tensorflow", "torch", "jax")
_INSTALL = "pip install 'keras-simmim[{}]'"


def use_installed_backend() -> str:
    """Makes Keras take a backend that is installed, where nobody has chosen one.

    Keras goes for TensorFlow then, and fails where only JAX or torch is installed.

    Returns:
        Why it is the one that it is, for people.

    Raises:
        ImportError: where none is installed, the one that was chosen is not, or it is one that this
            package can't train on. On the command line it is one line and exit status 2.
    """
    if "keras" in sys.modules:
        _check(sys.modules["keras"].backend.backend())
        return "by KERAS_BACKEND" if os.environ.get("KERAS_BACKEND") else "as Keras was imported"
    if chosen := os.environ.get("KERAS_BACKEND"):
        _check(chosen)
        return "by KERAS_BACKEND"
    installed = _installed()
    if not installed:
        _refuse(
            "A backend of Keras is needed, and none is installed: "
            + ", or ".join(map(_INSTALL.format, _BACKENDS))
        )
    configured = _configured_backend()
    if configured in installed or configured not in _BACKENDS:
        _check(configured)
        fastest = ", the fastest on a CPU" if configured == _BACKENDS[0] else ""
        return f"by Keras's configuration{fastest}"
    os.environ["KERAS_BACKEND"] = installed[0]
    return "the fastest on a CPU of those that are installed"


def _installed():
    return [name for name in _BACKENDS if importlib.util.find_spec(name) is not None]


def _configured_backend():
    """What Keras would take: the backend of its configuration file, or TensorFlow."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        return json.loads((Path(home) / "keras.json").read_text()).get("backend", _BACKENDS[0])
    except (OSError, ValueError):
        return _BACKENDS[0]


def _check(chosen):
    """Refuses a backend that can't be trained on here."""
    if chosen not in _BACKENDS:
        _refuse(
            "keras_simmim trains on the TensorFlow, JAX and torch backends of Keras. Set "
            "KERAS_BACKEND=tensorflow, jax or torch before Keras is imported. "
            f"Received: {chosen!r}"
        )
    if chosen not in (installed := _installed()):
        others = f", or take one that is: {', '.join(installed)}" if installed else ""
        _refuse(f"The backend {chosen} is not installed: {_INSTALL.format(chosen)}{others}")


def _refuse(message) -> NoReturn:
    command = [Path(word).stem for word in sys.argv[:1]]
    # `python -m` imports the package before it says so in `sys.argv`.
    if command == ["keras-simmim"] or (command == ["-m"] and "keras_simmim" in sys.orig_argv):
        print(f"keras-simmim: {message}", file=sys.stderr)
        raise SystemExit(2)
    raise ImportError(message)
