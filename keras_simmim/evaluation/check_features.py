"""What features and labels must be like, said in the same words by everything that takes them."""

import numpy as np


def check_features(train_x, test_x):
    """Raises a ValueError unless both are `(rows, F)` of the same F."""
    if train_x.ndim != 2 or test_x.ndim != 2 or train_x.shape[1] != test_x.shape[1]:
        raise ValueError(
            "Features must be (images, features), as many for training as for test. "
            f"Received: train_x {train_x.shape}, test_x {test_x.shape}"
        )


def check_finite(name, values):
    """Raises a ValueError that names the first row of `values`, `(rows, ...)`, with NaN or inf."""
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(f"Features must be finite. Received: {name} that is not, in row {row}")


def check_labels(name, labels, length, of="rows of features"):
    """Returns labels as int64, or raises a ValueError unless they are `length` integers from 0."""
    labels = np.asarray(labels)
    if labels.shape != (length,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{name}` must hold an integer for each of the {length} {of}. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}"
        )
    if length and labels.min() < 0:
        raise ValueError(f"Labels must not be negative. Received: {name} with {labels.min()}")
    return labels.astype("int64")
