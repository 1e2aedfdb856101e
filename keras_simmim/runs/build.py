"""From a run's configuration to the objects that it names."""

from typing import Any

import keras
import numpy as np

from keras_simmim import encoders, heads, losses, methods, optimizers, views
from keras_simmim.runs.run_config import RunConfig

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


def fill_in(config: RunConfig, side: int) -> None:
    """Gives the open fields of a configuration the method's defaults.

    Args:
        config: the run's configuration.
        side: height of the images in pixels.
    """
    small = (config.view_size or side) < 64
    # A step of `mim` on small images then takes about as long as one of ResNet-10 on four views.
    size = {"vit_depth": 4 if small else 6, "vit_heads": 4 if small else 3}
    defaults = {"encoder": "resnet10" if small else "resnet18", **size, **_COMMON}
    for name, value in {**defaults, **_DEFAULTS[config.method]}.items():
        if getattr(config, name) is None:
            setattr(config, name, value)


def build_method(config: RunConfig, images: np.ndarray) -> methods.Method:
    """Makes the method, its weights drawn from the global seed.

    Args:
        config: the run's configuration; its open fields get the method's defaults.
        images: `(N, H, W, C)`, some of those that it will see.
    """
    image_shape = images.shape[1:]
    fill_in(config, image_shape[0])
    encoder = _encoder(config, config.view_size or image_shape[0], image_shape[2])
    if config.whiten_stem and getattr(encoder, "stem", None) in ("3x3", "3x3/2"):
        encoders.whiten_stem(encoder, images)
    splitter = _view_splitter(config)
    if config.method == "simmim":
        return methods.SimMIM(
            encoder,
            splitter,
            _head(config),
            loss=losses.NTXent(config.temperature),
            inner_heads=_inner_heads(config, encoder),
        )
    if config.method == "simclr":
        return methods.SimCLR(encoder, splitter, _head(config), temperature=config.temperature)
    if config.method == "moco":
        return methods.MoCo(
            encoder,
            splitter,
            _head(config),
            temperature=config.temperature,
            queue_size=config.queue_size,
            momentum=config.momentum_target,
            symmetric=config.symmetric,
        )
    if config.method == "byol":
        return methods.BYOL(
            encoder,
            splitter,
            _head(config, normalize=False),
            heads.ProjectionHead(config.embedding_dim, config.hidden_dim, normalize=False),
            momentum=config.momentum_target,
            # Of a run that is planned later, `plan` says them.
            momentum_steps=config.total_steps or None,
        )
    if config.method == "empssl":
        return methods.EMPSSL(encoder, splitter, _head(config), invariance=config.invariance)
    return methods.MaskedImageModel(
        encoder, splitter, config.mask_unit, config.mask_ratio, seed=config.seed
    )


def _view_splitter(config):
    return views.ViewSplitter(
        num_views=config.num_views,
        crop_scale=config.crop_scale,
        crop_ratio=config.crop_ratio,
        view_size=config.view_size,
        flip=config.flip,
        jitter=config.jitter,
        brightness=config.brightness,
        contrast=config.contrast,
        saturation=config.saturation,
        hue=config.hue,
        grayscale=config.grayscale,
        blur=config.blur,
        blur_sigma=config.blur_sigma,
        solarize=config.solarize,
        solarize_threshold=config.solarize_threshold,
        seed=config.seed,
    )


def _head(config, normalize=True):
    if config.head == "projection":
        return heads.ProjectionHead(config.embedding_dim, config.hidden_dim, normalize)
    if not normalize:
        raise ValueError(
            f"{config.method} predicts embeddings that are not of unit length, which the attention "
            "head gives: use `head` projection. Received: head=attention"
        )
    return heads.AttentionHead(config.num_heads, config.embedding_dim, config.hidden_dim)


def _inner_heads(config, encoder):
    if not isinstance(encoder, encoders.ResNet):
        return {}
    if config.stages > 4:
        raise ValueError(f"A ResNet has 4 `stages`. Received: stages={config.stages}")
    inner = range(5 - config.stages, 4)
    return {encoder.stage_end(stage): _head(config) for stage in inner}


def _encoder(config, side, channels):
    if config.encoder == "vit":
        return encoders.ViT(
            image_shape=(side, side, channels),
            patch_size=config.patch_size or (4 if side < 64 else 16),
            depth=config.vit_depth,
            width=config.width or (128 if side < 64 else 192),
            num_heads=config.vit_heads,
            position=config.vit_position,
        )
    # A stride of 2 from the start costs little accuracy at 32 px and is 3 to 4 times as fast.
    stem = ("3x3/2" if side < 64 else "7x7/4") if config.stem == "auto" else config.stem
    return encoders.ResNet(
        depth=int(config.encoder.removeprefix("resnet")),
        width=config.width or (32 if side < 64 else 64),
        # Views may be smaller than the images that are embedded in the end.
        image_shape=(None, None, channels),
        stem=stem,
    )


def build_optimizer(
    config: RunConfig, total_steps: int, steps_per_pass: int
) -> keras.optimizers.Optimizer:
    """Makes the optimizer with its schedule.

    Args:
        config: the run's configuration.
        total_steps: steps of the whole run.
        steps_per_pass: steps of one pass over the data, which `step_epochs` counts in.
    """
    # Keras's schedules count batches, also where several make an update.
    schedule = _schedule(config, total_steps, steps_per_pass)
    accumulate = config.gradient_accumulation
    common = {"gradient_accumulation_steps": accumulate if accumulate > 1 else None}
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(
            schedule, momentum=config.momentum, weight_decay=config.weight_decay or None, **common
        )
    elif config.optimizer == "lars":
        optimizer = optimizers.LARS(
            schedule, momentum=config.momentum, weight_decay=config.weight_decay or 0.0, **common
        )
    elif config.optimizer == "muon":
        optimizer = optimizers.Muon(schedule, weight_decay=config.weight_decay or None, **common)
    elif config.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(
            schedule, weight_decay=config.weight_decay or 0.0, **common
        )
    else:
        optimizer = keras.optimizers.Adam(
            schedule, weight_decay=config.weight_decay or None, **common
        )
    if config.weight_decay or config.optimizer == "lars":
        optimizer.exclude_from_weight_decay(
            var_names=["bias", "gamma", "beta", "mask_token", "table"]
        )
    return optimizer


def peak_learning_rate(config: RunConfig) -> float:
    """The learning rate given, or the optimizer's default."""
    if config.learning_rate is not None:
        return config.learning_rate
    if config.optimizer in ("sgd", "lars"):
        return 0.2 * config.batch_size * config.gradient_accumulation / 256
    if config.encoder == "vit":
        return 1e-3
    return 8e-3 if (config.method, config.optimizer) == ("simclr", "muon") else 4e-3


def _schedule(config, total_steps, steps_per_pass):
    peak = peak_learning_rate(config)
    if config.schedule == "step":
        return keras.optimizers.schedules.ExponentialDecay(
            peak,
            decay_steps=config.step_epochs * steps_per_pass,
            decay_rate=config.step_rate,
            staircase=True,
        )
    if config.schedule == "cosine":
        warmup = round(config.warmup * total_steps)
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else peak,
            decay_steps=max(1, total_steps - warmup),
            warmup_target=peak if warmup else None,
            warmup_steps=warmup,
        )
    return peak
