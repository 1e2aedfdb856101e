import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from keras_simmim.runs.run_error import RunError


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a path to write to that takes the place of another one when all is on the disk.

    Whenever the process ends, what is found at `path` is whole: the new file or folder, or what was
    there before.

    Args:
        path: file, or folder that does not exist yet.

    Yields:
        Where to write, in the same folder; nothing is there.

    Raises:
        RunError: where it can't be written, as on a full disk.
    """
    partial = path.with_name(f"partial-{path.name}")
    remove(partial)
    try:
        yield partial
        for file in [partial, *partial.rglob("*")]:
            _flush(file)
        partial.replace(path)
        _flush(path.parent)
    except (OSError, RuntimeError) as error:  # h5py raises both
        with contextlib.suppress(OSError):
            remove(partial)
        raise cant_write(path, error) from error


def cant_write(path: Path, error: Exception) -> RunError:
    """The error of a run that can't write what it has to."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    free = shutil.disk_usage(path.parent).free / 1e6
    return RunError(
        f"Can't write {path}: {reason}. {free:,.0f} MB are free there. The last checkpoint is "
        "whole: make room, and go on by the same command with --resume."
    )


def remove(path: Path) -> None:
    """Removes a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path):
    if os.name == "nt":  # flushes no folder, and no file that is open for reading
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
