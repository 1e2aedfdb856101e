import functools
import weakref
from collections.abc import Iterable

import keras

# Names of values that only some epochs have, and the callbacks that have seen theirs.
_NAMES: set[str] = set()
_HAVE_SEEN: weakref.WeakSet[keras.callbacks.Callback] = weakref.WeakSet()


def pass_over_unmeasured_epochs(names: Iterable[str]) -> None:
    """Makes `ModelCheckpoint(save_best_only=True)` keep the best of the epochs that were measured.

    Keras 3.15 saves in each epoch whose logs lack the value, over the best one, where earlier
    versions passed over it. Callbacks that monitor other values go on as they did, and so do those
    that never see theirs, of which Keras warns.

    Args:
        names: values that only some epochs have in their logs, from the first of a `fit` on.
    """
    _NAMES.update(names)
    kind = keras.callbacks.ModelCheckpoint
    if not hasattr(kind.on_epoch_end, "__wrapped__"):
        kind.on_epoch_end = _of_measured(kind.on_epoch_end)  # type: ignore[method-assign]


def _of_measured(on_epoch_end):
    @functools.wraps(on_epoch_end)
    def wrapped(self, epoch, logs=None):
        if self.save_best_only and self.monitor in _NAMES:
            if self.monitor in (logs or {}):
                _HAVE_SEEN.add(self)
            elif self in _HAVE_SEEN:
                return
        on_epoch_end(self, epoch, logs)

    return wrapped
