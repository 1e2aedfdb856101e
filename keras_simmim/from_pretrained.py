import os
from pathlib import Path

import keras

from keras_simmim.evaluation.classifier import Classifier
from keras_simmim.load_model import load_model
from keras_simmim.methods import Method

_KINDS = ("encoder", "classifier", "model")


def from_pretrained(name_or_path: str | os.PathLike, which: str = "encoder") -> keras.layers.Layer:
    """Loads a saved model, under any backend.

    Args:
        name_or_path: name of a model that comes with the package, of a folder in `saved_models/`;
            or a run folder, another folder of a saved model, or a `.keras` file.
        which: "encoder": images to features; "classifier": images to logits, where there is one;
            "model": the whole method, to go on with its training.

    Returns:
        The model; it takes raw images `(B, H, W, C)`, 0...255.

    Raises:
        ValueError: for a name that there is not (those that there are, are listed), a kind of
            model that the folder does not hold, or a file that can't be loaded.
    """
    if which not in _KINDS:
        raise ValueError(f"`which` must be one of {', '.join(_KINDS)}. Received: which={which!r}")
    path = _find(name_or_path)
    if path.is_dir():
        path = _file(path, which)
    model = load_model(path)
    # Of a wrapper, such as `encoders.Normalized`, all is the encoder.
    if which == "encoder" and isinstance(model, (Method, Classifier)):
        return model.encoder
    return model


def saved_models() -> dict[str, Path]:
    """Folders of the saved models that come with the package, by name."""
    package = Path(__file__).parent
    shelves = [package / "saved_models"]
    if (package.parent / "pyproject.toml").is_file():  # a checkout
        shelves.append(package.parent / "saved_models")
    return {
        path.parent.name: path.parent
        for shelf in shelves
        for path in sorted(shelf.glob("*/*.keras"))
    }


def _find(name_or_path):
    path = Path(name_or_path).expanduser()
    if path.is_file() or next(path.glob("*.keras"), None):
        return path
    known = saved_models()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    raise ValueError(
        "There is no saved model of this name, and no .keras file at this path. Those that there "
        f"are: {', '.join(known) or 'none'}. Received: {os.fspath(name_or_path)!r}"
    )


def _file(folder, which):
    """The file to load; an encoder is part of the whole model, too."""
    for kind in (which, "model") if which == "encoder" else (which,):
        if (folder / f"{kind}.keras").is_file():
            return folder / f"{kind}.keras"
    there = ", ".join(sorted(path.stem for path in folder.glob("*.keras")))
    raise ValueError(f"{folder} holds no {which}.keras, only: {there}. Received: which={which!r}")
