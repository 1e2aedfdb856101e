import dataclasses

from keras_simmim.reports.pictures import Pictures
from keras_simmim.reports.verdict import Verdict


@dataclasses.dataclass
class RunReport:
    """What a page says of one run.

    Attributes:
        name: name of the run.
        title: what was trained, in a line.
        verdict: how it went.
        numbers: the few most telling numbers, as `(what, value)`.
        facts: what was run, as `(what, value)`.
        command: what to type to run it again.
        settings: every setting, as `(name, value)`.
        history: a value for each epoch by name, NaN where it was not measured.
        pictures: what is to be seen of the model; None: there is no model to look at.
    """

    name: str
    title: str
    verdict: Verdict
    numbers: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    command: str
    settings: list[tuple[str, str]]
    history: dict[str, list[float]]
    pictures: Pictures | None
