"""Numbers that can't be meant are refused before anything is done."""

import click
import pytest
from command_line import run

from keras_simmim import cli
from keras_simmim.runs import RunConfig

WRONG = ("0", "-1", "nan", "inf", "1e12", "1000000000000")
# Of other options nothing is something that can't be meant.
MAY_BE_ZERO = {
    *("flip", "jitter", "brightness", "contrast", "saturation", "hue", "grayscale", "blur"),
    *("solarize", "solarize_threshold", "momentum_target", "invariance", "momentum"),
    *("weight_decay", "warmup", "seed", "checkpoint_minutes", "knn_every"),
}
NEEDED = {
    "pretrain": [],
    "compare": ["--steps", "5"],
    "evaluate": ["."],
    "report": ["."],
    "runs": ["."],
    "export": ["."],
    "publish": [".", "--name", "x"],
}
FUNCTIONS = ("pretrain", "compare", "evaluate", "report", "list_runs", "export", "publish")


def numeric_options(command):
    """Names of a command's options that take numbers, and how many numbers they take."""
    for option in cli.commands.commands[command].params:
        words = click.Choice, click.Path, click.types.StringParamType, click.types.BoolParamType
        if isinstance(option, click.Option) and not isinstance(option.type, words):
            yield option.name, option.opts[0], option.nargs


@pytest.fixture
def called(monkeypatch, tmp_path):
    """The functions behind the commands, which do nothing, as they are called."""
    called = []
    for function in FUNCTIONS:
        monkeypatch.setattr(cli, function, lambda *args, **kwargs: called.append(args) or {})
    monkeypatch.chdir(tmp_path)
    return called


@pytest.mark.parametrize("command", cli.commands.commands)
def test_numbers_that_cannot_be_meant(capsys, called, tmp_path, command):
    for name, option, count in numeric_options(command):
        # What goes with it, but not twice.
        needed = [] if option in NEEDED[command] else NEEDED[command]
        for value in WRONG:
            status, out, err = run(capsys, command, *needed, option, *[value] * count)
            said = (command, option, value, err)
            if value == "0" and name in MAY_BE_ZERO:
                assert status == 0 and called.pop(), said
                called.clear()
                continue
            assert status == 2 and out == "" and not called, said
            assert err.startswith("keras-simmim: ") and err.count("\n") == 1, said
            assert option in err, said
        assert not list(tmp_path.iterdir())


def test_every_command_is_tried():
    assert set(NEEDED) == set(cli.commands.commands)
    options = {name for command in NEEDED for name, *_ in numeric_options(command)}
    # Some of each kind and command.
    assert {"learning_rate", "crop_scale", "hidden_dim", "devices", "seeds", "k"} <= options
    assert {"num_views", "image_size", "fine_tune", "temperature"} <= options


@pytest.mark.parametrize(
    "arguments,message",
    [
        ("pretrain --gradient-accumulation 100 --steps 50", "--gradient-accumulation must be at m"),
        ("pretrain --crop-scale 0.9 0.2", "--crop-scale must be a pair"),
        ("compare --steps 5 --blur-sigma 2 1", "--blur-sigma must be a pair"),
        ("compare --steps 5 --minutes 1", "--steps and --minutes exclude each other"),
        ("pretrain --warmup 1.5", "--warmup"),
        ("pretrain --seed 99999999999", "--seed"),
        ("pretrain --momentum 1", "--momentum"),
        ("pretrain --hue 0.6", "--hue"),
        ("pretrain --hidden-dim wide", "wide is neither an integer from 1 to 65536 nor features"),
        ("pretrain --devices all", "all is neither an integer from 1 to 1024 nor auto"),
    ],
)
def test_numbers_that_are_wrong_together_or_out_of_range(
    capsys, called, tmp_path, arguments, message
):
    status, out, err = run(capsys, *arguments.split())
    assert (status, out) == (2, "") and message in err and err.count("\n") == 1
    assert not called and not list(tmp_path.iterdir())


def test_words_that_stand_for_numbers(capsys, called):
    assert run(capsys, "pretrain", "--hidden-dim", "features")[0] == 0
    assert called[0][0] == RunConfig(hidden_dim="features", backend=called[0][0].backend)
