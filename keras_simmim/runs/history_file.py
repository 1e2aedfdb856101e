import csv
from pathlib import Path

import keras


class HistoryFile(keras.callbacks.CSVLogger):
    """Appends the logs of each epoch to a CSV file, with a column for each of them.

    Keras's own callback gives each a second column `val_...`, for validation that may come. A file
    that has columns keeps them.

    Args:
        path: the file.
    """

    def __init__(self, path: Path):
        super().__init__(str(path), append=True)

    def on_epoch_end(self, epoch, logs=None):
        if self.keys is None:
            with open(self.filename, newline="") as file:
                header = next(csv.reader(file), [])
            self.keys = header[1:] or sorted(logs or {})
        super().on_epoch_end(epoch, logs)
