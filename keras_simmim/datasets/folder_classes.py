from collections.abc import Sequence
from pathlib import Path

import numpy as np


def check_class_names(class_names: Sequence[str] | None, labels: str | None) -> list[str] | None:
    """Returns the names of classes that were asked for, as a list.

    Raises:
        ValueError: for what are no different names of folders, or names without labels.
    """
    if class_names is None:
        return None
    names = [] if isinstance(class_names, str) else list(class_names)
    if not names or not all(isinstance(x, str) and x for x in names):
        raise ValueError(
            "`class_names` must be names of folders, in the order of their labels. "
            f"Received: class_names={class_names!r}"
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"`class_names` must name each class once. Received: {', '.join(twice)} more than once"
        )
    if labels is None:
        raise ValueError(
            'Classes have names where there are labels: give `labels="folders"`, or no '
            f"`class_names`. Received: labels=None, class_names={class_names!r}"
        )
    return [str(name) for name in names]


def folder_classes(
    root: Path, files: Sequence[Path], labels: str | None, class_names: list[str] | None = None
) -> tuple[np.ndarray | None, list[str]]:
    """Returns labels of files by the sub-folder they lie in, and the names of the classes.

    Args:
        root: the folder.
        files: images below it.
        labels: as in `from_folder`.
        class_names: as `check_class_names` returns it; None: the sub-folders that there are.

    Returns:
        int64 `(N,)` and a list of names; None and an empty list without classes.

    Raises:
        ValueError: for images that have no class, or one that is not asked for.
    """
    if labels is None:
        return None, []
    parts = [file.relative_to(root).parts for file in files]
    if any(len(part) == 1 for part in parts):
        if labels == "folders" or class_names is not None:
            raise ValueError(
                f"{root} holds images outside of sub-folders, which have no class: move each into "
                "the folder of its class, or take them without labels."
            )
        return None, []
    names, classes = np.unique([part[0] for part in parts], return_inverse=True)
    found = [str(name) for name in names]
    if class_names is None:
        return classes.astype("int64"), found
    if others := [name for name in found if name not in class_names]:
        raise ValueError(
            f"{root} holds other classes than {_listed(class_names)}: move their folders away. "
            f"Received: {_listed(others)}"
        )
    numbers = np.array([class_names.index(name) for name in found], "int64")
    return numbers[classes], class_names


def _listed(names):
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
