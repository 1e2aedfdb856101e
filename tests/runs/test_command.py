import shlex

import pytest

from keras_simmim import cli
from keras_simmim.runs import RunConfig
from keras_simmim.runs.command import command
from keras_simmim.runs.defaults import fill_in


@pytest.mark.parametrize(
    "given, side",
    [
        ({}, 32),
        ({"method": "empssl", "crop_scale": (0.3, 0.5), "deterministic": True}, 32),
        ({"data": "my photos", "image_size": 64, "whiten_stem": False, "steps": 12}, 64),
        ({"encoder": "vit", "optimizer": "sgd", "batch_size": 64, "view_size": 16}, 32),
        ({"method": "mim", "patch_size": 8, "hidden_dim": 9}, 32),
    ],
)
def test_typed_it_gives_the_same_configuration(monkeypatch, given, side):
    config = RunConfig(**given, backend="jax", precision="float32")
    if config.steps is None:
        config.epochs = 3
    fill_in(config, side)
    config.total_steps, config.steps_per_epoch = 12, 4  # as a run plans them
    words = shlex.split(command(config))
    assert words[:2] == ["keras-simmim", "pretrain"]
    typed = []
    monkeypatch.setattr(cli, "pretrain", lambda again, *args, **kwargs: typed.append(again))
    monkeypatch.setattr(cli, "_use_backend", lambda backend: None)
    with pytest.raises(SystemExit):
        cli.main([*words[1:], "--no-report", "--output", "somewhere"])
    again = typed[0]
    fill_in(again, side)
    again.total_steps, again.steps_per_epoch, again.backend = 12, 4, "jax"
    assert again == config


def test_defaults_are_left_out_and_minutes_become_steps():
    config = RunConfig(minutes=5.0, width=4)
    fill_in(config, 32)
    config.total_steps, config.steps_per_epoch = 120, 40
    assert command(config).endswith("--width 4 --steps 120")
    # Of 125 planned steps, 5 were left over when they were divided into epochs.
    config.steps, config.total_steps, config.steps_per_epoch = 125, 120, 40
    assert command(config) == (
        "keras-simmim pretrain --data sample --method simmim --width 4 --steps 125"
    )


def test_what_follows_from_other_options_is_left_out():
    given = {"encoder": "vit", "optimizer": "sgd", "patch_size": 8, "batch_size": 64}
    config = RunConfig(**given)
    fill_in(config, 32)
    assert (config.learning_rate, config.mask_unit, config.width) == (0.05, 16, 128)
    assert command(config) == (
        "keras-simmim pretrain --data sample --method simmim --encoder vit --patch-size 8 "
        "--batch-size 64 --optimizer sgd"
    )
