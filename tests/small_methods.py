"""Small models and images that the tests of all methods share."""

import keras
import numpy as np

import keras_simmim as ks


def small_encoder(size=16, channels=3):
    return keras.Sequential(
        [
            keras.Input((size, size, channels)),
            ks.encoders.Standardize(),
            keras.layers.Conv2D(8, 3, strides=2, use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Conv2D(16, 3, strides=2),
        ]
    )


def small_head(**kwargs):
    return ks.heads.ProjectionHead(8, 12, **kwargs)


def small_vit():
    return ks.encoders.ViT((16, 16, 3), patch_size=2, depth=2, width=8, num_heads=2)


def splitter(num_views=2, **kwargs):
    return ks.views.ViewSplitter(num_views=num_views, seed=1, **kwargs)


METHODS = {
    "SimMIM": lambda **kwargs: ks.SimMIM(
        small_encoder(), splitter(), ks.heads.AttentionHead(2, 8), **kwargs
    ),
    "SimCLR": lambda **kwargs: ks.SimCLR(small_encoder(), splitter(), small_head(), **kwargs),
    "MoCo": lambda **kwargs: ks.MoCo(
        small_encoder(), splitter(), small_head(), queue_size=20, momentum=0.9, **kwargs
    ),
    "BYOL": lambda **kwargs: ks.BYOL(
        small_encoder(),
        splitter(),
        small_head(normalize=False),
        momentum=0.9,
        momentum_steps=6,
        **kwargs,
    ),
    "EMPSSL": lambda **kwargs: ks.EMPSSL(small_encoder(), splitter(4), small_head(), **kwargs),
    "MaskedImageModel": lambda **kwargs: ks.MaskedImageModel(
        small_vit(), splitter(1, jitter=0.0, grayscale=0.0), seed=2, **kwargs
    ),
}


def some_images(count=12, size=16, channels=3, dtype="uint8"):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size, channels)).astype(dtype)


def arrays_of(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]
