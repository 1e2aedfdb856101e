import collections
import os
import warnings
from pathlib import Path

from keras_simmim.datasets.image_formats import (
    LOOK_LIKE_IMAGES,
    photo_extensions,
    what_was_left_out,
)

_said: set[tuple[Path, str]] = set()


def find_images(root: Path) -> list[Path]:
    """Returns all image files below a folder, sorted, hidden ones left out.

    Warns once of files that look like images but can't be read, by extension.

    Raises:
        ValueError: where there is no folder, or no image in it.
    """
    if not root.is_dir():
        raise ValueError(f"There is no folder of images at this path. Received: {root}")
    taken = photo_extensions()
    found = []
    left_out: collections.Counter[str] = collections.Counter()
    above: dict[str, tuple[str, ...]] = {os.fspath(root): ()}
    for folder, folders, names in os.walk(root, followlinks=True):
        chain = (*above.pop(folder), os.path.realpath(folder))
        below = {name: os.path.join(folder, name) for name in folders if not name.startswith(".")}
        # A link to a folder that it lies in would give the same images without end.
        folders[:] = [name for name in sorted(below) if os.path.realpath(below[name]) not in chain]
        above |= {below[name]: chain for name in folders}
        for name in names:
            extension = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if extension in taken:
                found.append(Path(folder, name))
            elif extension in LOOK_LIKE_IMAGES:
                left_out[extension] += 1
    left = what_was_left_out(left_out) if left_out else ""
    if not found:
        reason = f"; {left}" if left else f" ({', '.join(sorted(taken))})."
        raise ValueError(f"The folder holds no images{reason} Received: {root}")
    if left and (root.resolve(), left) not in _said:  # a run reads its folder more than once
        _said.add((root.resolve(), left))
        warnings.warn(f"In {root}, {left}", stacklevel=3)
    return sorted(found, key=lambda file: file.relative_to(root).as_posix())
