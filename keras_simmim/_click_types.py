"""From what an option may be to what click makes of the words that are given for it."""

import math

import click

from keras_simmim.runs.option_kinds import Choice, Flag, Integer, Kind, Number, Pair


class _Finite(click.FloatRange):
    """A number within its limits, which NaN is not."""

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number that can be meant.", param, ctx)
        return number


class _IntegerOrWord(click.ParamType):
    """An integer within its limits, or a word that stands for one."""

    def __init__(self, integer: click.IntRange, word: str):
        self.integer, self.word = integer, word
        self.name = f"integer or {word}"

    def get_metavar(self, *args, **kwargs):
        return f"N|{self.word}"

    def convert(self, value, param, ctx):
        if value == self.word:
            return value
        try:
            return self.integer.convert(value, param, ctx)
        except click.BadParameter:
            limits = f"from {self.integer.min} to {self.integer.max}"
            self.fail(f"{value} is neither an integer {limits} nor {self.word}.", param, ctx)


def click_type(kind: Kind) -> click.ParamType | type | tuple:
    """What click takes as the type of an option of a kind."""
    if isinstance(kind, Integer):
        integer = click.IntRange(kind.least, kind.most)
        return integer if kind.word is None else _IntegerOrWord(integer, kind.word)
    if isinstance(kind, Number):
        return _Finite(
            kind.above if kind.least is None else kind.least,
            kind.below if kind.most is None else kind.most,
            min_open=kind.least is None,
            max_open=kind.most is None,
        )
    if isinstance(kind, Pair):
        number = click_type(Number(above=0.0, most=kind.most))
        return (number, number)
    if isinstance(kind, Choice):
        return click.Choice(kind.values)
    return bool if isinstance(kind, Flag) else str
