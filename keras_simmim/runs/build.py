"""From a run's configuration to the objects that it names."""

import keras

from keras_simmim import encoders, heads, losses, methods, views
from keras_simmim.runs.run_config import RunConfig


def build_method(config: RunConfig, image_shape: tuple[int, int, int]) -> methods.SimMIM:
    """Makes the method, its weights drawn from the global seed.

    Args:
        config: the run's configuration; without an encoder it gets the default.
        image_shape: (height, width, channels) of the images that it will see.
    """
    side = config.view_size or image_shape[0]
    channels = image_shape[2]
    name = config.encoder = config.encoder or ("resnet10" if side < 64 else "resnet18")
    head: keras.layers.Layer
    if config.head == "attention":
        head = heads.AttentionHead(config.num_heads, config.embedding_dim, config.hidden_dim)
    else:
        head = heads.ProjectionHead(config.embedding_dim, config.hidden_dim)
    return methods.SimMIM(
        encoder=_encoder(config, name, side, channels),
        view_splitter=views.ViewSplitter(
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
        ),
        attention_head=head,
        loss=losses.NTXent(config.temperature),
    )


def _encoder(config: RunConfig, name: str, side: int, channels: int) -> keras.Model:
    if name == "vit":
        return encoders.ViT(
            image_shape=(side, side, channels),
            patch_size=config.patch_size or (4 if side < 64 else 16),
            depth=config.vit_depth,
            width=config.width or 192,
            num_heads=config.vit_heads,
        )
    # A stride of 2 from the start costs little accuracy at 32 px and is 3 to 4 times as fast.
    stem = ("3x3/2" if side < 64 else "7x7/4") if config.stem == "auto" else config.stem
    return encoders.ResNet(
        depth=int(name.removeprefix("resnet")),
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
    elif config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(
            schedule, weight_decay=config.weight_decay or None, **common
        )
    else:
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay, **common)
    if config.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def peak_learning_rate(config: RunConfig) -> float:
    """The learning rate given, or the optimizer's default."""
    if config.learning_rate is not None:
        return config.learning_rate
    if config.optimizer == "sgd":
        return 0.2 * config.batch_size * config.gradient_accumulation / 256
    return 1e-3 if config.encoder == "vit" else 4e-3


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
