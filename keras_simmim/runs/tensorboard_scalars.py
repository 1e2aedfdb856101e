import math
from pathlib import Path

import keras


class TensorBoardScalars(keras.callbacks.Callback):
    """Writes the logs of every epoch for TensorBoard, on any backend.

    Keras's own callback needs TensorFlow whatever the backend.

    Args:
        folder: where the event files go.

    Raises:
        ImportError: without tensorboardX; the message names the extra.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.writer = summary_writer(folder)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            # TensorBoard draws nothing of what is not finite, and tensorboardX complains.
            if not math.isnan(value):
                self.writer.add_scalar(name, value, epoch)
        self.writer.flush()

    def on_train_end(self, logs=None):
        self.writer.close()


def summary_writer(folder: Path):
    """A writer of event files, tensorboardX's.

    Raises:
        ImportError: without tensorboardX; the message names the extra.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "TensorBoard logs need tensorboardX: pip install 'keras-simmim[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder))
