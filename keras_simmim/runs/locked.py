import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from keras_simmim import backend
from keras_simmim.runs.run_error import RunError


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps a run folder to one run while the context lasts, or while the process lives.

    Raises:
        RunError: where another run has it.
    """
    lock = FileLock(folder / ".lock")
    free = True
    if backend.is_chief():
        try:
            lock.acquire(timeout=0)
        except Timeout:
            free = False
    if not backend.same_on_all(int(free)):
        raise RunError(
            f"Another run is writing into {folder}: wait for it, or give another --output."
        )
    try:
        yield
    finally:
        lock.release()
