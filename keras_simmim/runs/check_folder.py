import tempfile
from pathlib import Path

from keras_simmim.runs.run_error import RunError


def check_folder(folder: Path) -> None:
    """Raises a RunError where a folder can't be made or written into, before anything is spent."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("."))
    if there.is_dir():
        try:
            with tempfile.TemporaryFile(dir=there):
                return
        except OSError as error:
            why = f"nothing can be written into {there} ({error.strerror})"
    else:
        why = "it is a file" if there == folder else f"{there} is a file"
    raise RunError(f"Nothing can be written to {folder}: {why}. Give another output folder.")
