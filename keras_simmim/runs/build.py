"""From a run's configuration to the objects that it names."""

import dataclasses

import keras
import numpy as np

from keras_simmim import encoders, heads, losses, methods, optimizers, views
from keras_simmim.runs.defaults import fill_in, peak_learning_rate
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_options import AS_FEATURES


def build_method(config: RunConfig, images: np.ndarray) -> methods.Method:
    """Makes the method, its weights drawn from the global seed.

    Args:
        config: the run's configuration; its open fields get their defaults.
        images: `(N, H, W, C)`, some of those that it will see.
    """
    image_shape = images.shape[1:]
    fill_in(config, image_shape[0])
    encoder = _encoder(config, image_shape[2])
    if config.whiten_stem and getattr(encoder, "stem", None) in ("3x3", "3x3/2"):
        encoders.whiten_stem(encoder, images)
    splitter = _view_splitter(config, image_shape[0])
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
            heads.ProjectionHead(config.embedding_dim, _hidden_dim(config), normalize=False),
            momentum=config.momentum_target,
            # Of a run that is planned later, `plan` says them.
            momentum_steps=config.total_steps or None,
        )
    if config.method == "empssl":
        return methods.EMPSSL(encoder, splitter, _head(config), invariance=config.invariance)
    return methods.MaskedImageModel(
        encoder, splitter, config.mask_unit, config.mask_ratio, seed=config.seed
    )


def check_together(config: RunConfig, side: int) -> None:
    """Raises a ValueError for options that contradict each other, before data is read.

    Args:
        config: the run's configuration, which stays as it is.
        side: height of the images in pixels.
    """
    config = dataclasses.replace(config)
    fill_in(config, side)
    config.check()
    _check_parts(config)


def _check_parts(config):
    if config.method == "byol":
        _check_not_unit_length(config)
    if config.encoder == "vit":
        _encoder(config, channels=3, name="checked")
    if config.method == "mim":
        if config.encoder != "vit":
            raise ValueError(
                f"mim masks patches: its `encoder` is vit. Received: encoder={config.encoder}"
            )
        masker = views.PatchMasker(
            config.mask_unit, config.patch_size, config.mask_ratio, name="checked"
        )
        masker.compute_output_shape((None, config.view_size, config.view_size, 3))


def _view_splitter(config, side):
    return views.ViewSplitter(
        num_views=config.num_views,
        crop_scale=config.crop_scale,
        crop_ratio=config.crop_ratio,
        # Open where views are as large as images, so that the method takes others, too.
        view_size=None if config.view_size == side else config.view_size,
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
        return heads.ProjectionHead(config.embedding_dim, _hidden_dim(config), normalize)
    if not normalize:
        _check_not_unit_length(config)
    return heads.AttentionHead(config.num_heads, config.embedding_dim, _hidden_dim(config))


def _check_not_unit_length(config):
    if config.head == "attention":
        raise ValueError(
            f"{config.method} predicts embeddings that are not of unit length, which the attention "
            "head gives: use `head` projection. Received: head=attention"
        )


def _hidden_dim(config):
    return None if config.hidden_dim == AS_FEATURES else config.hidden_dim


def _inner_heads(config, encoder):
    if not isinstance(encoder, encoders.ResNet):
        return {}
    inner = range(5 - config.stages, 4)
    return {encoder.stage_end(stage): _head(config) for stage in inner}


def _encoder(config, channels, name=None):
    if config.encoder == "vit":
        return encoders.ViT(
            image_shape=(config.view_size, config.view_size, channels),
            patch_size=config.patch_size,
            depth=config.vit_depth,
            width=config.width,
            num_heads=config.vit_heads,
            position=config.vit_position,
            name=name,
        )
    return encoders.ResNet(
        depth=int(config.encoder.removeprefix("resnet")),
        width=config.width,
        # Views may be smaller than the images that are embedded in the end.
        image_shape=(None, None, channels),
        stem=config.stem,
        name=name,
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
