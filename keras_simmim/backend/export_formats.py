import importlib.util
from collections.abc import Sequence
from typing import NamedTuple


class ExportFormat(NamedTuple):
    """A kind of file that models are exported to.

    Attributes:
        file: name of the file or folder, with `{}` for the model's.
        needs: backends that write it, the better ones first, and the modules that each needs for it
            and for running it.
        tolerance: how far results may be from those of Keras, as a share of the largest of these;
            None: it is reported only.
    """

    file: str
    needs: dict[str, tuple[str, ...]]
    tolerance: float | None


_ONNX: dict[str, tuple[str, ...]] = {
    "torch": ("torch", "onnx", "onnxscript", "onnxruntime"),
    "tensorflow": ("tensorflow", "onnx", "tf2onnx", "onnxruntime"),
}
_LITERT: dict[str, tuple[str, ...]] = {"tensorflow": ("tensorflow", "ai_edge_litert")}

FORMATS = {
    "onnx": ExportFormat("{}.onnx", _ONNX, 1e-4),
    "onnx-float16": ExportFormat("{}_float16.onnx", _ONNX, 1e-2),
    "litert": ExportFormat("{}.tflite", _LITERT, 1e-4),
    "litert-float16": ExportFormat("{}_float16.tflite", _LITERT, 1e-2),
    "litert-int8": ExportFormat("{}_int8.tflite", _LITERT, None),
    "saved-model": ExportFormat(
        "{}_saved_model", {"tensorflow": ("tensorflow",), "jax": ("jax", "tensorflow")}, 1e-4
    ),
    "torch-export": ExportFormat("{}.pt2", {"torch": ("torch",)}, 1e-4),
}

# What is written where nobody says which.
USUAL_FORMATS = ("onnx", "litert")


def check_formats(to: str | Sequence[str], own: str) -> list[str]:
    """The formats that are asked for, each once, all of which can be written here.

    Args:
        to: names of formats.
        own: the backend that is running.

    Raises:
        ValueError: for a name that there is not.
        ImportError: where a format needs a backend or a package that is not installed.
    """
    forms = [to] if isinstance(to, str) else list(to)
    unknown = [form for form in forms if form not in FORMATS]
    if unknown or not forms:
        raise ValueError(f"`to` must name formats out of {', '.join(FORMATS)}. Received: to={to!r}")
    for form in forms:
        choose_backend(form, own)
    return list(dict.fromkeys(forms))


def usual_formats(own: str) -> tuple[list[str], list[str]]:
    """The usual formats that can be written here, and what the others need, for people.

    Args:
        own: the backend that is running.

    Raises:
        ImportError: where none can be written.
    """
    writable, needs = [], []
    for form in USUAL_FORMATS:
        try:
            choose_backend(form, own)
            writable.append(form)
        except ImportError as error:
            needs.append(str(error))
    if not writable:
        raise ImportError("; ".join(needs))
    return writable, needs


def choose_backend(form: str, own: str | None) -> str:
    """The backend that is to write a format.

    Args:
        form: name of the format, a key of `FORMATS`.
        own: the backend that is running, taken if it can; None: it is not to.

    Raises:
        ImportError: where no backend that can is installed, with what it needs.
    """
    needs = FORMATS[form].needs
    for backend in [own, *needs]:
        if backend in needs and not _missing(needs[backend]):
            return backend
    ways = [f"{backend}, where {_say(_missing(needs[backend]))}" for backend in needs]
    extras = ",".join(["export", next(iter(needs))])
    raise ImportError(
        f"{form} is written by the backend {' or by '.join(ways)}: "
        f"pip install 'keras-simmim[{extras}]'"
    )


def _missing(modules):
    return [name for name in modules if importlib.util.find_spec(name) is None]


def _say(missing):
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
