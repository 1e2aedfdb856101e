import os


class ImageFileError(ValueError):
    """An image file that can't be read; the message is a line that names it and says what to do.

    Args:
        path: the file.
        reason: what the reader of the file raised.
    """

    def __init__(self, path: str | os.PathLike, reason: Exception):
        first_line = (str(reason).splitlines() or [type(reason).__name__])[0]
        super().__init__(
            f"Can't read the image {os.fspath(path)}: {first_line.rstrip('.')}. Repair or remove "
            "the file, or leave out what can't be read: `skip_unreadable=True`, on the command "
            "line --skip-unreadable."
        )
