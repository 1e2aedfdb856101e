"""Encoders as people write them: subclassed, without casts, without a configuration."""

import keras
import numpy as np
import pytest
from small_methods import METHODS, small_head, some_images, splitter

import keras_simmim as ks


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.conv = keras.layers.Conv2D(8, 3, strides=2)

    def call(self, images):
        return self.conv(images)


class WithoutConfig(Subclassed):
    def __init__(self, activation):
        super().__init__()
        self.conv.activation = activation


@pytest.mark.parametrize("shape", [(8, 16, 16, 3), (8, 2, 16, 16, 3)], ids=["images", "views"])
def test_it_gets_floats(shape):
    """Keras casts no integers: of uint8 a convolution fails on every backend."""
    model = ks.SimMIM(Subclassed(), splitter(), ks.heads.AttentionHead(2, 8))
    model.compile()
    images = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    model.fit(images, batch_size=4, verbose=0, validation_data=images)
    features = model.predict(images, verbose=0)
    floats = images.astype("float32")
    np.testing.assert_allclose(features, model.predict(floats, verbose=0), rtol=1e-5, atol=1e-5)
    assert ks.evaluation.embed(model, images).shape == (8, 8)


def test_it_gets_floats_from_a_classifier():
    model = ks.evaluation.Classifier(Subclassed(), 3)
    assert model.predict(some_images(4), verbose=0).shape == (4, 3)


@pytest.mark.parametrize("method", [ks.MoCo, ks.BYOL])
def test_one_that_has_no_copy(method):
    model = method(WithoutConfig(keras.ops.relu), splitter(), small_head(normalize=False))
    with pytest.raises(
        ValueError, match="register_keras_serializable.*Received from WithoutConfig"
    ):
        model.build((None, 16, 16, 3))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_none(name):
    kind = type(METHODS[name]())
    with pytest.raises(ValueError, match=r"its `\.encoder`. Received: SimCLR"):
        kind(METHODS["SimCLR"]())
