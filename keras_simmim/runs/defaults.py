"""What open fields of a configuration get: the defaults of this version.

A run keeps those that it began with, in its `config.json`. What changes here changes no run that
has begun: runs of before there were versions have theirs in `defaults_of_0_1_0.py`.
"""

from typing import Any

import keras

from keras_simmim import backend
from keras_simmim.datasets.load import NAMES
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_options import AS_FEATURES

EPOCHS = 100
# The views that methods are compared on.
ALIKE: dict[str, Any] = {
    "num_views": 4,
    "crop_scale": (0.08, 1.0),
    "jitter": 0.8,
    "grayscale": 0.2,
    "blur": 0.0,
    "solarize": 0.0,
}
_COMMON: dict[str, Any] = {
    **ALIKE,
    "head": "projection",
    "temperature": 0.07,
    "momentum_target": 0.99,
    "optimizer": "muon",
    "weight_decay": 0.0,
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "simmim": {"head": "attention"},
    "simclr": {},
    "moco": {},
    "byol": {"momentum_target": 0.95},
    "empssl": {"num_views": 20, "crop_scale": (0.25, 0.25), "blur": 0.1, "solarize": 0.1},
    "mim": {
        "encoder": "vit",
        "num_views": 1,
        "crop_scale": (0.67, 1.0),
        "jitter": 0.0,
        "grayscale": 0.0,
        "optimizer": "adamw",
        "weight_decay": 0.05,
    },
}


def side_of(config: RunConfig) -> int:
    """Side that the images of a run have, by what is told of them."""
    return 32 if config.data in NAMES else config.image_size


def fill_in(config: RunConfig, side: int) -> None:
    """Gives the open fields of a configuration their defaults.

    Left open are the precision and the backend, which the machine decides (`fill_in_engine`), and
    those for which None says something: places that were not given, and the two of `epochs`,
    `steps` and `minutes` that the length of the run was not given by.

    Args:
        config: the run's configuration.
        side: height of the images in pixels.
    """
    _fill(config, {"view_size": side, "hidden_dim": AS_FEATURES})
    _fill(config, {**_by_size(config), **_COMMON, **_DEFAULTS[config.method]})
    _fill(config, _by_others(config))
    if config.steps is config.minutes is None:
        _fill(config, {"epochs": EPOCHS})


def _fill(config, defaults):
    for name, value in defaults.items():
        if getattr(config, name) in (None, "auto"):
            setattr(config, name, value)


def _by_size(config):
    # A stride of 2 from the start costs little accuracy at 32 px and is 3 to 4 times as fast. A
    # step of `mim` on small images takes about as long as one of ResNet-10 on four views.
    # Of up to 16 px it would leave a last map of one position, where attention can't choose.
    if config.view_size < 64:
        stem = "3x3" if config.view_size <= 16 else "3x3/2"
        small = {"encoder": "resnet10", "stem": stem}
        return {**small, "patch_size": 4, "vit_depth": 4, "vit_heads": 4}
    large = {"encoder": "resnet18", "stem": "7x7/4"}
    return {**large, "patch_size": 16, "vit_depth": 6, "vit_heads": 3}


def _by_others(config):
    of_vit, of_resnet = (128, 32) if config.view_size < 64 else (192, 64)
    return {
        "width": of_vit if config.encoder == "vit" else of_resnet,
        "mask_unit": 2 * config.patch_size,
        "learning_rate": peak_learning_rate(config),
    }


def fill_in_engine(config: RunConfig) -> str:
    """Gives a configuration the running backend and, where it is open, the faster precision.

    Returns:
        Why the precision is the one that it is, for people.
    """
    config.backend = keras.backend.backend()
    if config.precision != "auto":
        return "as asked"
    config.precision, why = backend.preferred_precision()
    return why


def peak_learning_rate(config: RunConfig) -> float:
    """The learning rate given, or the default of method, encoder and optimizer."""
    if config.learning_rate is not None:
        return config.learning_rate
    if config.optimizer in ("sgd", "lars"):
        return 0.2 * config.batch_size * config.gradient_accumulation / 256
    if config.encoder == "vit":
        return 1e-3
    return 8e-3 if (config.method, config.optimizer) == ("simclr", "muon") else 4e-3
