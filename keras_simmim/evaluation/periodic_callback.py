import keras

from keras_simmim._numbers import check_integer
from keras_simmim.backend.measured_epochs import pass_over_unmeasured_epochs


class PeriodicCallback(keras.callbacks.Callback):
    """Measures something in the first epoch of a `fit`, every so many epochs, and in the last.

    Only epochs that were measured have the values in their logs. The first one has them, as Keras's
    `CSVLogger` takes its columns from it.

    Args:
        every: epochs from one measurement to the next.

    Attributes:
        names: what the values are called in the logs.
        measures_first: whether the first epoch of a `fit` is measured. Set it to False where this
            `fit` continues an earlier one.

    Raises:
        ValueError: for a number that is not a positive integer.
    """

    names: tuple[str, ...] = ()

    def __init__(self, every: int = 1):
        super().__init__()
        self.every = check_integer("every", every)
        self.measures_first = self._is_first = True

    def on_train_begin(self, logs=None):
        self._is_first = True
        pass_over_unmeasured_epochs(self.names)

    def on_epoch_end(self, epoch, logs=None):
        first = self._is_first and self.measures_first
        self._is_first = False
        last = epoch + 1 == self.params.get("epochs") or self.model.stop_training
        if logs is not None and (first or last or (epoch + 1) % self.every == 0):
            logs.update(self.look())

    def look(self) -> dict[str, float]:
        """Returns what is measured of the model as it is, by name; NaN where it is not finite."""
        raise NotImplementedError
