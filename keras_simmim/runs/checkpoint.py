import re
from pathlib import Path

import keras

from keras_simmim.load_model import reason
from keras_simmim.runs.run_error import RunError

_NAME = re.compile(r"epoch-(\d+)\.weights\.h5")


class Checkpoint(keras.callbacks.Callback):
    """Keeps the state of training after the last epoch: weights, optimizer and seed generators.

    The epoch is part of the file's name and the file appears by one rename, so that what is found
    is whole.

    Args:
        folder: where the file is kept; made if missing.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = Path(folder)

    def on_epoch_end(self, epoch, logs=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"epoch-{epoch + 1:06d}.weights.h5"
        partial = self.folder / "partial.weights.h5"
        self.model.save_weights(partial, overwrite=True)
        partial.replace(path)
        for other in self.folder.iterdir():
            if _NAME.fullmatch(other.name) and other != path:
                other.unlink()

    def restore(self, model: keras.Model) -> int:
        """Loads the last checkpoint into a compiled model.

        Returns:
            The number of epochs that are done, 0 where there is no checkpoint.

        Raises:
            RunError: for a file that is damaged or of another model.
        """
        done = 0
        for path in self.folder.glob("*.weights.h5"):
            match = _NAME.fullmatch(path.name)
            if match:
                done = max(done, int(match[1]))
        if done:
            # Keras passes over the state of an optimizer that is not built.
            model.optimizer.build(model.trainable_variables)
            path = self.folder / f"epoch-{done:06d}.weights.h5"
            try:
                model.load_weights(path)
            except Exception as error:  # Whatever a reader of HDF5 raises.
                raise RunError(
                    f"{path} can't be restored: {reason(error)}. Without it the run starts anew."
                ) from error
        return done
