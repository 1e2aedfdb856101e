import warnings
from collections.abc import Sequence

import numpy as np

from keras_simmim._numbers import check_integer, check_number, check_seed
from keras_simmim.evaluation.check_features import (
    check_features,
    check_finite,
    check_labels,
    check_rows,
)
from keras_simmim.evaluation.stratified_sample import stratified_sample

# Share of the training rows that C is judged by, and how many of the others it is tried on at most:
# the best C differs little with more rows, the time for each C a lot.
_HELD_OUT = 0.2
_MOST_ROWS = 10_000
C_VALUES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


def linear_probe(
    train_x: np.ndarray,
    train_y: np.ndarray,
    test_x: np.ndarray,
    test_y: np.ndarray,
    c_values: Sequence[float] = C_VALUES,
    max_iter: int = 1000,
    seed: int = 0,
) -> float:
    """Accuracy of a logistic regression on frozen features, 0...1.

    Features are standardised by the mean and standard deviation of the training rows. The strength
    of the L2 regularisation is the one that does best on a fifth of each class of the training
    rows, held out; with it the regression is then fitted to all of them (scikit-learn's
    `LogisticRegression`, L-BFGS). The test rows serve for nothing but the accuracy.

    Args:
        train_x: features `(N, F)`.
        train_y: integer labels `(N,)`.
        test_x: features `(M, F)`.
        test_y: integer labels `(M,)`.
        c_values: inverse strengths of the regularisation to choose from, above 0; of those that do
            equally well the smallest is taken.
        max_iter: iterations of the solver at most, for each fit.
        seed: seed of which rows are held out, an integer, 0...2**31 - 1.

    Returns:
        The share of test rows whose label is predicted.

    Raises:
        ImportError: without scikit-learn.
        ValueError: for no rows, shapes, labels, features or values of C that can't be used, labels
            of one class only, or too few rows to hold some out.

    Reference:
        Linear evaluation as in Chen et al. 2020, "SimCLR" (arXiv 2002.05709), appendix B.8.1: an L2
        penalty chosen on a validation set, L-BFGS, then a fit to all of the training set.
    """
    options = probe_options(c_values, max_iter, seed)
    train_x, test_x = np.asarray(train_x, "float32"), np.asarray(test_x, "float32")
    test_y = check_labels("test_y", test_y, len(test_x))
    check_features(train_x, test_x)
    check_rows(train_x, test_x)
    check_finite("test_x", test_x)
    scaler, regression = fit_regression(train_x, train_y, **options)
    return _accuracy(regression, scaler.transform(test_x), test_y)


def probe_options(c_values=C_VALUES, max_iter=1000, seed=0):
    """Returns the numbers that `linear_probe` takes, checked, C from the smallest on.

    Raises:
        ValueError: for a number out of its range.
    """
    words = "`c_values` must be finite numbers above 0"
    try:
        values = sorted(check_number("c_values", c, above=0) for c in c_values)
    except (TypeError, ValueError):  # a number is no list of them
        raise ValueError(f"{words}. Received: c_values={c_values!r}") from None
    if not values:
        raise ValueError(f"{words}, at least one. Received: c_values={c_values!r}")
    return {
        "c_values": values,
        "max_iter": check_integer("max_iter", max_iter),
        "seed": check_seed("seed", seed),
    }


def fit_regression(train_x, train_y, c_values, max_iter, seed):
    """Fits what `linear_probe` judges.

    Args:
        train_x: features `(N, F)` float32.
        train_y: as in `linear_probe`.
        c_values: as `probe_options` returns it, and so are the others.
        max_iter: iterations of the solver at most.
        seed: seed of which rows are held out.

    Returns:
        scikit-learn's `StandardScaler` and `LogisticRegression`, fitted.
    """
    train_y = check_labels("train_y", train_y, len(train_x))
    check_finite("train_x", train_x)
    if len(np.unique(train_y)) < 2:
        raise ValueError(
            f"There must be at least 2 classes. Received: {len(train_y)} training rows of "
            f"{len(np.unique(train_y))}"
        )
    linear_model, preprocessing = import_sklearn()
    scaler = preprocessing.StandardScaler()
    x = scaler.fit_transform(train_x)
    regression = linear_model.LogisticRegression(max_iter=max_iter, warm_start=True)
    _set_best_c(regression, x, train_y, c_values, seed)
    regression.fit(x, train_y)
    return scaler, regression


def _set_best_c(regression, x, y, c_values, seed):
    """Sets C to the best of the values, and the weights to start from to those found with it."""
    fitted = stratified_sample(y, 1 - _HELD_OUT, seed)
    held_out = np.setdiff1d(np.arange(len(y)), fitted, assume_unique=True)
    if len(held_out) == 0:
        raise ValueError(
            "There must be a class of at least 3 training rows, for some to be held out to choose "
            f"the regularisation by. Received: {len(y)} rows of {len(np.unique(y))} classes"
        )
    fraction = min(1.0, _MOST_ROWS / len(fitted))
    fitted = fitted[stratified_sample(y[fitted], fraction, seed)]
    best, weights = -1.0, None
    # From strong to weak regularisation, each from the weights of the one before.
    for c in c_values:
        regression.set_params(C=c)
        with warnings.catch_warnings():
            # Weights that have not settled can be compared all the same; the last fit warns.
            warnings.simplefilter("ignore")
            regression.fit(x[fitted], y[fitted])
        accuracy = _accuracy(regression, x[held_out], y[held_out])
        if accuracy > best:
            best, weights = accuracy, (c, regression.coef_, regression.intercept_)
    regression.C, regression.coef_, regression.intercept_ = weights


def _accuracy(regression, x, y):
    return float(np.mean(regression.predict(x) == y))


def import_sklearn():
    """Returns scikit-learn's modules `linear_model` and `preprocessing`."""
    try:
        from sklearn import linear_model, preprocessing
    except ImportError as error:
        raise ImportError(
            "The linear probe is scikit-learn's logistic regression: "
            f"pip install 'keras-simmim[probe]'. ({error})"
        ) from error
    return linear_model, preprocessing
