import csv
from collections.abc import Iterable
from pathlib import Path

import keras


class HistoryFile(keras.callbacks.CSVLogger):
    """Appends the logs of each epoch to a CSV file, with a column for each of them.

    Keras's own callback gives each a second column `val_...`, for validation that may come, and
    none to what the first epoch lacks. A file that has columns keeps them.

    Args:
        path: the file.
        names: of values that only some epochs have.
    """

    def __init__(self, path: Path, names: Iterable[str] = ()):
        super().__init__(str(path), append=True)
        self.names = names

    def on_epoch_end(self, epoch, logs=None):
        if self.keys is None:
            with open(self.filename, newline="") as file:
                header = next(csv.reader(file), [])
            self.keys = header[1:] or sorted({*(logs or {}), *self.names})
        super().on_epoch_end(epoch, logs)
