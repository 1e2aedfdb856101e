"""The checks of numbers: what is taken, as what it is returned, and what is refused in words."""

import numpy as np
import pytest

from keras_simmim._numbers import check_integer, check_number, check_pair, check_size_pair


@pytest.mark.parametrize("value", [4, np.int64(4), np.uint8(4), np.int32(4)])
def test_integers_of_python_and_numpy_are_returned_as_python_integers(value):
    assert type(check_integer("width", value)) is int
    assert check_integer("width", value) == 4
    assert check_size_pair("size", value) == (4, 4)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5), np.float16(0.5)])
def test_real_numbers_of_python_and_numpy_are_returned_as_python_floats(value):
    assert type(check_number("ratio", value, 0, 1)) is float
    assert check_number("ratio", value, 0, 1) == 0.5


def test_integers_are_numbers_and_stay_integers():
    assert type(check_number("invariance", np.int64(200), least=0)) is int
    assert check_number("invariance", 10**400, least=0) == 10**400


@pytest.mark.parametrize("value", [(0.2, 1), [0.2, 1], np.array([0.2, 1.0])])
def test_pairs_may_be_tuples_lists_or_arrays(value):
    pair = check_pair("crop_scale", value, most=1.0)
    assert pair == (0.2, 1)
    assert all(type(number) in (int, float) for number in pair)


def test_sizes_may_be_pairs():
    for value in ((3, 5), [3, np.int64(5)], np.array([3, 5])):
        assert check_size_pair("view_size", value) == (3, 5)


@pytest.mark.parametrize("value", [0, -1, 4.0, True, np.True_, "4", None, np.float64(4)])
def test_other_values_are_refused_by_name(value):
    with pytest.raises(ValueError, match="`width` must be a positive integer. Received: width="):
        check_integer("width", value)
    with pytest.raises(ValueError, match=r"`size` must be a positive integer, or a pair"):
        check_size_pair("size", value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), np.float32("nan"), True, "1", None, 1j]
)
def test_numbers_are_finite(value):
    with pytest.raises(ValueError, match="`t` must be a finite number above 0. Received: t="):
        check_number("t", value, above=0)
    with pytest.raises(ValueError, match="`crop_scale` must be a pair of numbers, 0 < least"):
        check_pair("crop_scale", (0.1, value))


def test_limits_are_part_of_the_words():
    for limits, kind in (
        ({"least": 0, "most": 1}, "a number from 0 to 1"),
        ({"least": 0, "below": 1}, "a number of at least 0 and below 1"),
        ({"above": 0, "most": 1}, "a number above 0 and of at most 1"),
        ({"least": 0}, "a finite number of at least 0"),
    ):
        with pytest.raises(ValueError, match=f"`x` must be {kind}. Received: x=-1"):
            check_number("x", -1, **limits)
    with pytest.raises(ValueError, match="`n` must be an integer from 2 to 5. Received: n=6"):
        check_integer("n", 6, least=2, most=5)
    with pytest.raises(ValueError, match="`n` must be a positive integer or None. Received: n=0"):
        check_integer("n", 0, optional=True)
    assert check_integer("n", None, optional=True) is None
    assert check_number("x", None, optional=True) is None
    for pair in ((1.0, 0.5), (0, 1), (0.5, 1.5), (0.5,), 0.5):
        with pytest.raises(ValueError, match="0 < least <= greatest <= 1. Received: crop_scale="):
            check_pair("crop_scale", pair, most=1.0)


def test_limits_themselves_are_in_or_out():
    assert check_number("x", 1, least=0, most=1) == 1
    with pytest.raises(ValueError, match="below 1"):
        check_number("x", 1, least=0, below=1)
    with pytest.raises(ValueError, match="above 0"):
        check_number("x", 0, above=0)
