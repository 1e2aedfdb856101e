"""The door through which a file comes in that anybody may have made."""

import contextlib
import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

import keras

# What Keras says around a reason: errors that it wraps, whole configurations, and how to go round
# its safe mode, which there is no way to here.
_WRAPPED = re.compile(r".*Exception encountered: ", re.DOTALL)
_REST = re.compile(
    r"\s*(Full object config|List of objects that could not be loaded|config=\{|If you trust the).*"
)
_LONGEST = 300


def load_model(path: Path) -> keras.Model:
    """Loads a `.keras` file of any origin, or says in a sentence why it can't be.

    It is `keras.saving.load_model` in its safe mode, which runs no code of the file's and makes
    objects of registered classes and of Keras's only. What Keras loads all the same is refused too:
    an archive that reaches out of its folder, of which Keras leaves those files out, and what is no
    model.

    Args:
        path: the file.

    Raises:
        ValueError: for a file that can't be loaded, in one line.
    """
    try:
        _check_archive(path)
        with warnings_of_success():
            model = keras.saving.load_model(path)
            if not isinstance(model, keras.Model):
                raise ValueError(f"it holds a {type(model).__name__}, which is no model")
    except Exception as error:  # Whatever a reader of archives, JSON or HDF5 raises.
        raise ValueError(f"{path} can't be loaded: {reason(error)}") from error
    return model


@contextlib.contextmanager
def warnings_of_success() -> Iterator[None]:
    """Drops what a reader of files warns of, if it then fails: the error is all there is to say.

    Keras warns of each layer that it does not find before it says so.
    """
    with warnings.catch_warnings(record=True) as caught:
        yield
    for warning in caught:
        warnings.warn(warning.message, stacklevel=3)


def reason(error: Exception) -> str:
    """What is wrong with a file, in one line, of the error that reading it raised."""
    text = _REST.sub("", " ".join(_WRAPPED.sub("", str(error)).split()))
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rsplit(" ", 1)[0] + " ..."
    if isinstance(error, json.JSONDecodeError):
        return f"its config.json is damaged: {text}"
    if isinstance(error, (zipfile.BadZipFile, OSError)):
        return f"it is damaged: {text}"
    if "could not be loaded" in text:
        return f"its weights are not those of the model: {text}"
    return text


def _check_archive(path):
    if path.suffix != ".keras":
        # Keras would read it by another reader, whose safe mode had holes.
        raise ValueError("its name does not end in .keras")
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no .keras file, or only a part of one")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    for name in names:
        for kind in (PurePosixPath, PureWindowsPath):
            if kind(name).anchor or ".." in kind(name).parts:
                raise ValueError(f"its archive reaches out of its folder, to {name!r}")
    if "config.json" not in names:
        raise ValueError("it holds no config.json, and so no model")
