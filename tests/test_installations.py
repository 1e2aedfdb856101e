"""Every documented installation runs what is documented, and none says what to install."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

BACKEND = keras.backend.backend()
BACKENDS = ("tensorflow", "jax", "torch")
ROOT = Path(__file__).parents[1]
# Python without some packages, for processes of this environment.
HIDE = """
import importlib.machinery, os, sys
finder, hidden = importlib.machinery.PathFinder, os.environ["HIDDEN"].split()

class Hiding(finder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in hidden else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(finder)] = Hiding
"""
TINY = "--data sample --steps 2 --batch-size 32 --width 4".split()


def run(command, folder, path=None, **environment):
    """A process in which nobody has chosen a backend."""
    unset = ("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    kept |= {"KERAS_HOME": str(folder), **environment}
    return subprocess.run(
        list(map(str, command)), env=kept, cwd=folder, capture_output=True, text=True
    )


@pytest.fixture
def without(tmp_path):
    """Runs a command where the packages of some names are not there."""
    (tmp_path / "sitecustomize.py").write_text(HIDE)

    def run_without(names, *command):
        return run(command, tmp_path, PYTHONPATH=str(tmp_path), HIDDEN=" ".join(names))

    return run_without


def snippets():
    """The first two of README, of small models and few images."""
    readme = (ROOT / "README.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[:2])
    for pattern, small in (
        (r"width=32", "width=4"),
        (r"depth=18", "depth=10"),
        (r"epochs=\d+", "epochs=1"),
        (r'(images, labels = ks\.datasets\.load\("sample"\))', r"\1; images = images[:512]"),
    ):
        code, count = re.subn(pattern, small, code)
        assert count, pattern
    return code


def test_one_backend_is_enough(without):
    others = set(BACKENDS) - {BACKEND}
    code = "import sys, keras_simmim, keras; print(keras.backend.backend(), *sys.modules)"
    done = without(others, sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    backend, *modules = done.stdout.split()
    assert backend == BACKEND and others.isdisjoint(modules)


def check_none(done):
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"keras-simmim: .*pip install 'keras-simmim\[tensorflow\]', .*\n", done.stderr
    )


@pytest.mark.parametrize("arguments", [["--help"], ["pretrain", "--data", "sample"]])
def test_the_command_line_without_a_backend_says_what_to_install(without, arguments):
    check_none(without(BACKENDS, Path(sys.executable).with_name("keras-simmim"), *arguments))
    check_none(without(BACKENDS, sys.executable, "-m", "keras_simmim", *arguments))


def test_the_package_without_a_backend_says_what_to_install(without):
    done = without(BACKENDS, sys.executable, "-c", "import keras_simmim")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: A backend of Keras is needed, and none is installed: pip")


def test_a_backend_that_is_not_installed_is_named(without):
    other = next(name for name in BACKENDS if name != BACKEND)
    command = Path(sys.executable).with_name("keras-simmim")
    done = without([other], command, "pretrain", "--backend", other)
    assert done.returncode == 2 and done.stdout == ""
    expected = f"keras-simmim: The backend {other} is not installed: pip install"
    assert done.stderr.startswith(expected) and BACKEND in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Makes an environment with some extras: its folder of commands."""

    def make(extras):
        folder = tmp_path_factory.mktemp("environment")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        what = f"{ROOT}[{extras}]" if extras else str(ROOT)
        install = ["-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", what]
        done = run([folder / "bin/python", *install], folder)
        assert done.returncode == 0, done.stderr
        return folder / "bin"

    return make


@pytest.mark.slow
def test_an_environment_of_one_backend(environment, tmp_path):
    """README's first snippets, an example, a run and its export."""
    commands = environment(f"{BACKEND},export")
    model = tmp_path / "model.keras"
    example = [ROOT / "examples/cifar10_simmim.py", "--data", "sample", "--epochs", "1"]
    for command in (
        [commands / "python", "-c", snippets()],
        [commands / "python", *example, "--width", "2", "--output", model],
        [commands / "keras-simmim", "pretrain", *TINY, "--output", tmp_path / "run"],
    ):
        done = run(command, tmp_path)
        assert done.returncode == 0, done.stderr
    done = run([commands / "keras-simmim", "export", tmp_path / "run"], tmp_path)
    written = {path.name for path in tmp_path.glob("run/export/*")}
    if BACKEND == "jax":
        assert done.returncode == 2 and not written
        assert done.stderr.count("\n") == 1 and "pip install" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    both = {"encoder.onnx", "encoder.tflite"}
    assert written == (both if BACKEND == "tensorflow" else {"encoder.onnx"})
    assert ("Not written: litert" in done.stdout) == (BACKEND == "torch")


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "torch", reason="the same whatever runs the tests: once")
def test_an_environment_of_no_backend(environment, tmp_path):
    commands = environment("")
    check_none(run([commands / "keras-simmim", "--help"], tmp_path))
    done = run([commands / "python", "-c", "import keras_simmim"], tmp_path)
    assert "A backend of Keras is needed" in done.stderr.splitlines()[-1]
