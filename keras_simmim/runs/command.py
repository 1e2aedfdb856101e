import dataclasses
import shlex

from keras_simmim.runs.build import fill_in
from keras_simmim.runs.run_config import RunConfig


def command(config: RunConfig) -> str:
    """What to type for a run like this one: every setting that is not a default of this version.

    A run that was given minutes is repeated by the steps that they were planned to make.
    """
    usual = RunConfig(data=config.data, method=config.method)
    # The defaults depend on the size of images: of named data 32 px.
    fill_in(usual, config.image_size if config.data not in ("sample", "cifar10") else 32)
    words = ["keras-simmim", "pretrain", "--data", config.data, "--method", config.method]
    for field in dataclasses.fields(RunConfig):
        value, flag = getattr(config, field.name), field.name.replace("_", "-")
        if field.name == "minutes":
            continue
        if field.name == "steps" and value is None and config.minutes is not None:
            value = config.total_steps  # of a run of an earlier version
        listed = "help" in field.metadata or field.name == "backend"
        if not listed or value is None or value == getattr(usual, field.name):
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)
