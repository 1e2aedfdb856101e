"""Encoders of other libraries, small, that the tests train, save and load."""

import keras
from keras import layers

from keras_simmim.encoders import Normalized, feature_map

SHAPE = (32, 32, 3)


def cv_resnet_v2(**kwargs):
    import keras_cv

    arguments = {
        "stackwise_filters": [64, 128],
        "stackwise_blocks": [2, 2],
        "stackwise_strides": [1, 2],
        "block_type": "basic_block",
        "include_rescaling": True,
        "input_shape": SHAPE,
    }
    return keras_cv.models.ResNetV2Backbone(**{**arguments, **kwargs})


def hub_resnet(**kwargs):
    import keras_hub

    return keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 128],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=SHAPE,
        **kwargs,
    )


def hub_vit():
    import keras_hub

    return keras_hub.models.ViTBackbone(
        image_shape=SHAPE, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32
    )


def hub_pyramid():
    """A model that returns a dictionary of maps."""
    backbone = hub_resnet()
    return keras.Model(backbone.inputs, backbone.pyramid_outputs)


def in_a_functional_model(encoder):
    images = keras.Input(SHAPE)
    return keras.Model(images, encoder(layers.Rescaling(1 / 127.5, -1.0)(images)))


def own_sequential():
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Conv2D(32, 3, strides=2),
        ]
    )


def normalized(encoder):
    """Those of keras-hub take images that a preprocessor of its own has normalised."""
    return Normalized(encoder, mean=127.5, std=64.0)


def application(name, **kwargs):
    """Models of keras.applications, which normalise raw images themselves."""
    make = getattr(keras.applications, name)
    return make(input_shape=SHAPE, include_top=False, weights=None, **kwargs)


def mobilenet_v3():
    encoder = application("MobileNetV3Small", alpha=0.75)
    for layer in encoder.layers:
        if isinstance(layer, layers.BatchNormalization):
            # With 0.999, two steps leave the statistics of the start, by which all images get
            # nearly the same features.
            layer.momentum = 0.0
    return encoder


ENCODERS = {
    "cv-resnet-v2": cv_resnet_v2,
    "cv-resnet-v2-bottlenecks": lambda: cv_resnet_v2(
        block_type="block", input_shape=(None, None, 3), stackwise_filters=[16, 32]
    ),
    "cv-resnet-v2-level": lambda: feature_map(cv_resnet_v2(), "P2"),
    "hub-resnet": lambda: normalized(hub_resnet()),
    "hub-resnet-v2": lambda: normalized(hub_resnet(use_pre_activation=True)),
    "hub-resnet-level": lambda: normalized(feature_map(hub_resnet(), "P2")),
    "hub-resnet-pyramid": lambda: normalized(feature_map(hub_pyramid(), "P3")),
    "hub-vit": lambda: normalized(hub_vit()),
    "hub-vit-in-functional": lambda: in_a_functional_model(hub_vit()),
    "hub-vit-in-sequential": lambda: keras.Sequential(
        [keras.Input(SHAPE), layers.Rescaling(1 / 127.5, -1.0), hub_vit()]
    ),
    "mobilenet-v3": mobilenet_v3,
    "efficientnet-v2": lambda: application("EfficientNetV2B0"),
    "convnext": lambda: application("ConvNeXtTiny"),
    "own-sequential": own_sequential,
}
