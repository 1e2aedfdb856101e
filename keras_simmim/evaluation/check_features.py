"""What features and labels must be like, said in the same words by everything that takes them."""

import numpy as np


def check_features(train_x, test_x):
    """Raises a ValueError unless both are `(rows, F)` of the same F."""
    if train_x.ndim != 2 or test_x.ndim != 2 or train_x.shape[1] != test_x.shape[1]:
        raise ValueError(
            "Features must be (images, features), as many for training as for test. "
            f"Received: train_x {train_x.shape}, test_x {test_x.shape}"
        )


def check_rows(train, test, of="rows of features"):
    """Raises a ValueError unless there is something to train on and something to test."""
    if len(train) == 0 or len(test) == 0:
        raise ValueError(
            f"There must be {of} to train on and to test. "
            f"Received: {len(train)} to train on, {len(test)} to test"
        )


def check_finite(name, values):
    """Raises a ValueError that names the first row of `values`, `(rows, ...)`, with NaN or inf."""
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(
            f"Features must be finite, and so must their length. Received: {name}, whose row {row} "
            "is not"
        )


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
    if length and labels.max() >= 2**63:
        raise ValueError(f"Labels must be below 2**63. Received: {name} with {labels.max()}")
    return labels.astype("int64")


def count_classes(name, labels):
    """Returns the number of classes that labels number from 0 on, some of which may be missing.

    Raises:
        ValueError: where nearly all are missing: a classifier would have a weight for each.
    """
    count, different = int(labels.max()) + 1, len(np.unique(labels))
    if count > max(1000, 100 * different):
        raise ValueError(
            f"`{name}` must number the classes from 0 on, as a classifier has an output for each "
            "number: number them anew by `numpy.unique(labels, return_inverse=True)`. "
            f"Received: {different} different labels up to {count - 1}"
        )
    return count
