import importlib.util
import os
import platform
import subprocess
import sys

import keras
import pytest

from keras_simmim._installed_backend import use_installed_backend


def run(code, **environment):
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**os.environ, **environment}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_imports_little_beside_keras():
    """No other backend and nothing that only some functions need: an import takes its time.

    `benchmarks/start.py` measures it.
    """
    code = (
        "import sys, keras; before = set(sys.modules); import keras_simmim;"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    backend = keras.backend.backend()
    added = set(run(code, KERAS_BACKEND=backend).split()) - sys.stdlib_module_names
    assert added <= {"keras_simmim", "PIL", backend}


@pytest.mark.parametrize("imported", ["keras_simmim", "keras, keras_simmim"])
def test_other_backends_of_keras_are_refused(imported):
    code = f"try:\n import {imported}\nexcept ImportError as error: print(error)"
    assert "KERAS_BACKEND=tensorflow, jax or torch" in run(code, KERAS_BACKEND="numpy")


@pytest.fixture
def nobody_has_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "")  # so that it is put back
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "installed,configured,expected",
    [
        ({"torch"}, None, "torch"),
        ({"torch", "jax"}, None, "torch"),
        ({"tensorflow", "torch"}, None, None),
        ({"tensorflow", "torch"}, "torch", None),
        ({"torch"}, "jax", "torch"),
    ],
)
def test_takes_what_is_installed(monkeypatch, nobody_has_chosen, installed, configured, expected):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in installed or None)
    if configured:
        (nobody_has_chosen / "keras.json").write_text(f'{{"backend": "{configured}"}}')
    use_installed_backend()
    assert os.environ.get("KERAS_BACKEND") == expected


def test_a_choice_is_kept(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "jax" or None)
    monkeypatch.delitem(sys.modules, "keras")
    use_installed_backend()
    assert os.environ["KERAS_BACKEND"] == "jax"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="an x86 processor")
def test_tensorflow_computes_by_onednn_unless_told_otherwise():
    unset = "import os; os.environ.pop('TF_ENABLE_ONEDNN_OPTS', None);"
    code = "import os, keras_simmim; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    backend = keras.backend.backend()
    assert run(unset + code, KERAS_BACKEND=backend) == "1"
    assert run(code, KERAS_BACKEND=backend, TF_ENABLE_ONEDNN_OPTS="0") == "0"
