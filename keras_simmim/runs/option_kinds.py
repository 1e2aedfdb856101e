"""Kinds of options: what a field of `RunConfig` may be, in Python as on the command line.

Each has `check`, which returns the value as Python's own, ready for JSON, or raises a ValueError.
"""

import dataclasses
import os
from typing import Any

import numpy as np

from keras_simmim._numbers import check_integer, check_number, check_pair


@dataclasses.dataclass(frozen=True)
class Integer:
    """An integer within its limits, or a word that stands for one."""

    least: int
    most: int | None = None
    word: str | None = None

    def check(self, name: str, value: Any) -> Any:
        if self.word is not None and value == self.word:
            return value
        advice = "" if self.word is None else f", or {self.word!r}"
        return check_integer(name, value, self.least, self.most, advice=advice)


@dataclasses.dataclass(frozen=True)
class Number:
    """A finite number; `above` and `below` are limits that it does not reach."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def check(self, name: str, value: Any) -> Any:
        return check_number(name, value, **dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two numbers above 0, the least and the greatest."""

    most: float

    def check(self, name: str, value: Any) -> Any:
        return check_pair(name, value, self.most)


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several words."""

    values: tuple[str, ...]

    def check(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and value in self.values:
            return value
        raise ValueError(
            f"`{name}` must be one of {', '.join(self.values)}. Received: {name}={value!r}"
        )


@dataclasses.dataclass(frozen=True)
class Flag:
    """Yes or no."""

    def check(self, name: str, value: Any) -> Any:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}")


@dataclasses.dataclass(frozen=True)
class Text:
    """A name or a path."""

    def check(self, name: str, value: Any) -> Any:
        if isinstance(value, str | os.PathLike) and str(value):
            return os.fspath(value)
        raise ValueError(f"`{name}` must be a name or a path. Received: {name}={value!r}")


Kind = Integer | Number | Pair | Choice | Flag | Text
