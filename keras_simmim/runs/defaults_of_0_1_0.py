"""What 0.1.0 and before took for what their `config.json` left open.

It is a record: what `defaults.py` says may change, this does not.
"""


def fill_in_as_0_1_0(config) -> None:
    """Gives the open fields of a `RunConfig` what 0.1.0 gave them.

    The side of a view is left open: it was that of the images, which the run will see.
    """
    side = 32 if config.data in ("cifar10", "sample") else config.image_size
    small, vit = (config.view_size or side) < 64, config.encoder == "vit"
    if config.width is None:
        config.width = (128 if small else 192) if vit else (32 if small else 64)
    if config.stem == "auto":
        config.stem = "3x3/2" if small else "7x7/4"
    if config.patch_size is None:
        config.patch_size = 4 if small else 16
    if config.mask_unit is None:
        config.mask_unit = 2 * config.patch_size
    if config.hidden_dim is None:
        config.hidden_dim = "features"
    if config.learning_rate is None:
        if config.optimizer in ("sgd", "lars"):
            config.learning_rate = 0.2 * config.batch_size * config.gradient_accumulation / 256
        elif vit:
            config.learning_rate = 1e-3
        else:
            muon = (config.method, config.optimizer) == ("simclr", "muon")
            config.learning_rate = 8e-3 if muon else 4e-3
