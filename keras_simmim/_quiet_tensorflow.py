"""Of what TensorFlow's native code writes to standard error, only what someone can act on is shown.

`TF_CPP_MIN_LOG_LEVEL=0` shows all of it.
"""

import contextlib
import importlib.abc
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_LEVELS = "IWEF"
# "I0000 00:00:1795883465.033036    4807 port.cc:153] ...", and "2024-05-01 09:30:00.1: I ...".
_RECORD = re.compile(r"(?:[\d-]+ [\d:.]+: )?([IWEF])(?:\d{4})? .*?\.(?:cc|h):\d+\] ")
_NOISE = re.compile(
    "WARNING: All log messages before absl::InitializeLog"
    "|To enable the following instructions: "
    # Of builds for GPUs, at each start.
    "|.*Unable to register cu|.*computation placer already registered"
    # Of the converter to LiteRT, about options that Keras sets, and of LiteRT itself.
    "|.*Ignored (?:output_format|drop_control_dependency)"
    "|fully_quantize: "
    "|INFO: Created TensorFlow Lite XNNPACK delegate"
)


def quiet_tensorflow() -> None:
    """Makes TensorFlow quiet from its import on, where nobody has chosen a level.

    Whoever imports it: Keras does so under any backend, to seed it or to look for its datasets.
    """
    # Where there is a GPU, a warning says why it is not used; where there is none, even errors are
    # about its absence. What fails is raised in Python.
    has_gpu = any(Path(path).exists() for path in ("/proc/driver/nvidia", "/dev/dxg"))
    os.environ.setdefault(_LEVEL, "1" if has_gpu else "3")
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietImport())


class _QuietImport(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as Python does, and holds standard error while it is imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader.exec_module = quiet_stderr()(spec.loader.exec_module)  # type: ignore
                return spec
        return None


@contextlib.contextmanager
def quiet_stderr(noise: str | None = None) -> Iterator[None]:
    """Holds what is written to standard error, and then lets through what someone can act on.

    TensorFlow logs its first lines whatever the level; here they are held to it.

    Args:
        noise: regular expression of lines that nobody can act on here, beside the usual ones.
    """
    if os.environ.get(_LEVEL) == "0" or not _flush():
        yield
        return
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            _flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines(keepends=True)
            os.write(2, "".join(line for line in lines if _is_told(line, noise)).encode())


def _flush():
    """Whether there is a standard error, of which nothing is then left in Python."""
    try:
        sys.stderr.flush()
        os.fstat(2)
    except (AttributeError, OSError, ValueError):
        return False
    return True


def _is_told(line, noise):
    if _NOISE.match(line) or (noise is not None and re.search(noise, line)):
        return False
    record, least = _RECORD.match(line), os.environ.get(_LEVEL, "0")
    return not (record and least.isdecimal() and _LEVELS.index(record[1]) < int(least))
