import dataclasses
import shlex

from keras_simmim.runs.defaults import fill_in, side_of
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_options import RunOptions

# What a command says even where it is a default.
_SAID = ("data", "method")


def command(config: RunConfig) -> str:
    """What to type for a run like this one: every setting that is not a default of this version.

    A run that was given minutes is repeated by the steps that they were planned to make.
    """
    words = ["keras-simmim", "pretrain"]
    shown = _without_defaults(config)
    for name in (*_SAID, *(n for n in vars(shown) if n not in _SAID), "backend"):
        value, flag = getattr(shown, name, config.backend), name.replace("_", "-")
        if name not in _SAID and value == getattr(RunConfig, name):
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)


def _without_defaults(config):
    """Returns the options that give this configuration, without those that are defaults.

    Defaults depend on other options: one is left out where the whole stays the same without it.
    """
    options = {field.name: getattr(config, field.name) for field in dataclasses.fields(RunOptions)}
    if config.minutes is not None:
        # Minutes without steps are those of a run of an earlier version.
        options["steps"] = config.steps or config.total_steps or None
        options["epochs"] = options["minutes"] = None
    whole = _filled_in(options)
    for field in dataclasses.fields(RunOptions):
        without = {**options, field.name: field.default}
        if _filled_in(without) == whole:
            options = without
    return RunOptions(**options)


def _filled_in(options):
    config = RunConfig(**options)
    fill_in(config, side_of(config))
    return config
