"""Checks of the numbers that users give, Python's and NumPy's alike.

Each check returns the number as Python's own, so that configurations stay ready for JSON.
"""

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

# `keras.random.SeedGenerator` holds its seed in 32 bits with a sign on torch, without one on JAX.
GREATEST_SEED = 2**31 - 1


def check_integer(
    name: str,
    value: Any,
    least: int = 1,
    most: int | None = None,
    optional: bool = False,
    advice: str = "",
) -> Any:
    """Returns an integer within its limits as a Python `int`.

    Args:
        name: the argument's name, for the error.
        value: what was given.
        least: smallest value that is allowed.
        most: largest value that is allowed; None: there is no upper limit.
        optional: whether None is allowed, too; it is returned as it is.
        advice: what follows the limits in the error, for instance `", and of at least 2 for ..."`.

    Raises:
        ValueError: for anything else, booleans and floats included.
    """
    if value is None and optional:
        return None
    if isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_):
        whole = int(value)
        if whole >= least and (most is None or whole <= most):
            return whole
    if most is not None:
        kind = f"an integer from {least} to {most}"
    else:
        kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
    raise ValueError(_message(name, value, kind, optional, advice))


def check_number(
    name: str,
    value: Any,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    optional: bool = False,
    advice: str = "",
) -> Any:
    """Returns a finite number within its limits as a Python `float` or `int`.

    Args:
        name: the argument's name, for the error.
        value: what was given.
        least: smallest value that is allowed; None: see `above`.
        most: largest value that is allowed; None: see `below`.
        above: limit that the value must exceed; None: there is none.
        below: limit that the value must not reach; None: there is none.
        optional: whether None is allowed, too; it is returned as it is.
        advice: what follows the limits in the error.

    Raises:
        ValueError: for anything else: booleans, NaN and infinities included.
    """
    if value is None and optional:
        return None
    if _is_finite(value):
        low = (least is None or value >= least) and (above is None or value > above)
        high = (most is None or value <= most) and (below is None or value < below)
        if low and high:
            return _python_number(value)
    raise ValueError(_message(name, value, _kind(least, most, above, below), optional, advice))


def check_pair(name: str, value: Any, most: float | None = None) -> tuple:
    """Returns a pair of numbers, 0 < first <= second, as a tuple of Python numbers.

    Args:
        name: the argument's name, for the error.
        value: tuple, list or array of two numbers.
        most: largest value that is allowed; None: any finite one.

    Raises:
        ValueError: for anything else.
    """
    pair = value.tolist() if isinstance(value, np.ndarray) else value
    if isinstance(pair, tuple | list) and len(pair) == 2 and all(map(_is_finite, pair)):
        if 0 < pair[0] <= pair[1] and (most is None or pair[1] <= most):
            return (_python_number(pair[0]), _python_number(pair[1]))
    limit = "" if most is None else f" <= {most:g}"
    raise ValueError(
        f"`{name}` must be a pair of numbers, 0 < least <= greatest{limit}. "
        f"Received: {name}={value!r}"
    )


def check_seed(name: str, value: Any, optional: bool = False) -> Any:
    """Returns a seed as a Python `int`.

    Args:
        name: the argument's name, for the error.
        value: what was given.
        optional: whether None is allowed, too; it is returned as it is.

    Raises:
        ValueError: for anything but an integer from 0 to `GREATEST_SEED`.
    """
    return check_integer(name, value, least=0, most=GREATEST_SEED, optional=optional)


def check_size_pair(name: str, value: Any, advice: str = "") -> tuple[int, int]:
    """Returns a height and a width in pixels as a tuple of Python integers.

    Args:
        name: the argument's name, for the error.
        value: a positive integer for both, or a tuple, list or array of two of them.
        advice: what follows "a pair (height, width) of them" in the error.

    Raises:
        ValueError: for anything else.
    """
    pair = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(pair, Sequence) or isinstance(pair, str):
        pair = (pair, pair)
    try:
        height, width = (check_integer(name, side) for side in pair)
    except ValueError:
        raise ValueError(
            f"`{name}` must be a positive integer, or a pair (height, width) of them{advice}. "
            f"Received: {name}={value!r}"
        ) from None
    return height, width


def _is_finite(value):
    # Of a huge integer `math.isfinite` raises.
    if isinstance(value, numbers.Integral):
        return not isinstance(value, bool | np.bool_)
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _python_number(value):
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _kind(least, most, above, below):
    """What is allowed, in words."""
    if least is not None and most is not None:
        return f"a number from {least:g} to {most:g}"
    limits = [
        words.format(limit)
        for words, limit in (
            ("of at least {:g}", least),
            ("above {:g}", above),
            ("of at most {:g}", most),
            ("below {:g}", below),
        )
        if limit is not None
    ]
    return " ".join(
        ["a finite number" if below is most is None else "a number", " and ".join(limits)]
    ).strip()


def _message(name, value, kind, optional, advice):
    either = " or None" if optional else ""
    return f"`{name}` must be {kind}{either}{advice}. Received: {name}={value!r}"
