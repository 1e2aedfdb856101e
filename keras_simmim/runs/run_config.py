import dataclasses
import json
from pathlib import Path
from typing import Any

import keras_simmim
from keras_simmim.runs.defaults_of_0_1_0 import fill_in_as_0_1_0
from keras_simmim.runs.option_kinds import Choice, Integer, Kind, Text
from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.run_options import RunOptions
from keras_simmim.runs.written_whole import written_whole

_LENGTHS = ("epochs", "steps", "minutes")


def _fact(default: Any, kind: Kind) -> Any:
    return dataclasses.field(default=default, metadata={"kind": kind})


@dataclasses.dataclass
class RunConfig(RunOptions):
    """Everything that decides a pre-training run: what it was told and what it found out.

    Lengths are in pixels, pixel values 0...255. None and "auto" leave a field open: `pretrain`
    gives it a value before the first step. `to_json` and `from_json` keep the configuration in the
    run folder, where it is what `--resume` goes by.

    Raises:
        ValueError: for a value out of its range, or more accumulated batches than steps.
    """

    backend: str | None = _fact(None, Choice(("tensorflow", "jax", "torch")))
    # Of a folder, when it was read first.
    num_images: int = _fact(0, Integer(0))
    # 0 until the run is planned.
    total_steps: int = _fact(0, Integer(0))
    steps_per_epoch: int = _fact(0, Integer(0))
    # Of the package that the run was begun with.
    version: str = _fact(keras_simmim.__version__, Text())

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Makes Python's numbers of NumPy's, and raises a ValueError for what can't be meant."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:
                setattr(self, field.name, field.metadata["kind"].check(field.name, value))
        steps = self.total_steps or self.steps
        if steps and self.gradient_accumulation > steps:
            raise ValueError(
                "`gradient_accumulation` must be at most the steps of the run, or no update is "
                f"made. Received: gradient_accumulation={self.gradient_accumulation}, {steps} steps"
            )

    def check_length(self) -> None:
        """Raises a ValueError where the length of a run that is not planned is given twice."""
        lengths = [name for name in _LENGTHS if getattr(self, name) is not None]
        if len(lengths) > 1 and not self.total_steps:
            names = " and ".join(f"`{name}`" for name in lengths)
            received = ", ".join(f"{name}={getattr(self, name)}" for name in lengths)
            raise ValueError(f"{names} exclude each other: give one. Received: {received}")

    @property
    def folder_image_size(self) -> int | None:
        """Side that images have, None where they are not of a folder."""
        return self.image_size if self.num_images else None

    @classmethod
    def kind(cls, name: str) -> Any:
        """What a field may be, of `option_kinds`."""
        return cls.__dataclass_fields__[name].metadata["kind"]

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """The words that a field may be."""
        return cls.kind(name).values

    def given(self) -> dict[str, Any]:
        """Returns the fields whose values differ from the defaults, by name."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default and field.name != "version"
        }

    def differences(self, options: dict) -> tuple[str, str] | None:
        """What a run was set up with and what is asked for, for people; None: they are the same.

        Args:
            options: fields by name; "auto" leaves a field to what the run found out.
        """
        names = [n for n, value in options.items() if value not in (getattr(self, n), "auto")]
        if not names:
            return None
        was = ", ".join(f"{name} = {getattr(self, name)}" for name in names)
        return was, ", ".join(f"{name} = {options[name]}" for name in names)

    def to_json(self, path: Path) -> None:
        """Writes the configuration, whole or not at all."""
        with written_whole(path) as partial:
            partial.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @classmethod
    def from_json(cls, path: Path, to_resume: bool = False) -> "RunConfig":
        """Reads a configuration; of one without a version, open fields get what 0.1.0 gave them.

        Args:
            path: `config.json` of a run folder.
            to_resume: whether each field must be there, so that none gets a default of today.

        Raises:
            RunError: where there is none, or it is not one that this version can go by.
        """
        if not path.is_file():
            raise RunError(f"{path.parent} is no run folder: it has no {path.name}.")
        try:
            values = json.loads(path.read_text())
            if not isinstance(values, dict):
                raise ValueError("it is no object of JSON")
            _check_names(cls, values, to_resume)
            old = "version" not in values
            config = cls._unchecked(values) if old and not to_resume else cls(**values)
        except (TypeError, ValueError) as error:
            raise RunError(f"{path} can't be read as a run's configuration: {error}") from error
        if old:
            fill_in_as_0_1_0(config)
        return config

    @classmethod
    def _unchecked(cls, values: dict[str, Any]) -> "RunConfig":
        """Returns the configuration of a run that was made before fields had ranges."""
        config = cls()
        for name, value in values.items():
            setattr(config, name, tuple(value) if isinstance(value, list) else value)
        return config


def _check_names(cls, values, to_resume):
    names = {field.name for field in dataclasses.fields(cls)} - {"version"}
    unknown, missing = values.keys() - names - {"version"}, names - values.keys()
    if not unknown and not (missing and to_resume):
        return
    what = f"does not know {_listed(unknown)}" if unknown else f"also has {_listed(missing)}"
    written = values.get("version", "0.1.0 or before")
    raise ValueError(
        f"it was written by keras-simmim {written}, and this is {keras_simmim.__version__}, which "
        f"{what}: use that version."
    )


def _listed(names):
    return ", ".join(sorted(names))
