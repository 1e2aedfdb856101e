import keras
import numpy as np
import pytest
from keras import layers

from keras_simmim.encoders import Normalized, ResNet, ViT, check_encoder, feature_map


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


def array(x):
    return keras.ops.convert_to_numpy(x)


def pyramid():
    """Tensors of two sizes, as a graph."""
    inputs = keras.Input((16, 16, 3))
    high = layers.Conv2D(4, 3, strides=2, padding="same", name="high")(inputs)
    low = layers.Conv2D(5, 3, strides=2, padding="same", name="low")(layers.ReLU()(high))
    return inputs, high, low


def of_names():
    """As backbones of keras-cv say what the levels of their feature pyramid are."""
    inputs, high, low = pyramid()
    model = keras.Model(inputs, layers.ReLU(name="last")(low))
    model.pyramid_level_inputs = {"P1": "high", "P2": "low"}
    return model


def of_tensors():
    """As backbones of keras-hub do."""
    inputs, high, low = pyramid()
    model = keras.Model(inputs, layers.ReLU(name="last")(low))
    object.__setattr__(model, "pyramid_outputs", {"P1": high, "P2": low})
    return model


def of_outputs():
    """An encoder that returns its pyramid."""
    inputs, high, low = pyramid()
    return keras.Model(inputs, {"P1": high, "P2": low})


@pytest.mark.parametrize("make", [of_names, of_tensors, of_outputs])
def test_level_of_a_pyramid(make):
    encoder = make()
    x = images(2, 16, 16, 3).astype("float32")
    for level, layer in (("P1", "high"), ("P2", "low")):
        expected = keras.Model(encoder.input, encoder.get_layer(layer).output)(x)
        for name in (level, layer):
            part = feature_map(encoder, name)
            np.testing.assert_allclose(array(part(x)), array(expected), atol=1e-6)
        inner = feature_map(Normalized(encoder, 10.0, 2.0), level)
        np.testing.assert_allclose(array(inner(2 * x + 10)), array(expected), atol=1e-3)
    assert check_encoder(feature_map(encoder, "P1"), (16, 16, 3)) == (None, 8, 8, 4)


def test_holds_what_the_map_needs_and_shares_it(tmp_path):
    encoder = ResNet(depth=10, width=2)
    part = feature_map(encoder, encoder.stage_end(2))
    assert type(part) is not ResNet and part.output_shape == (None, 16, 16, 4)
    assert part.get_layer("stem_conv") is encoder.get_layer("stem_conv")
    names = [layer.name for layer in part.layers]
    assert names[-1] == encoder.stage_end(2) and not any("stage_3" in name for name in names)
    x = images(2, 32, 32, 3)
    expected = part.predict_on_batch(x)
    part.save(tmp_path / "part.keras")
    loaded = keras.saving.load_model(tmp_path / "part.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(x), expected, atol=1e-6)
    assert [layer.name for layer in loaded.layers] == names


def test_block_of_a_vit_in_a_model_of_your_own(tmp_path):
    encoder = ViT((16, 16, 3), depth=2, width=8, num_heads=2, dropout=0.5)
    part = feature_map(encoder, "block_1")
    x = images(2, 16, 16, 3)
    expected = array(encoder.layer_outputs(x)[0])
    np.testing.assert_allclose(part.predict_on_batch(x), expected, atol=1e-5)
    assert np.abs(array(part(x, training=True)) - expected).max() > 1e-2  # dropout is on
    model = keras.Sequential([part, layers.GlobalAveragePooling1D(), layers.Dense(3)])
    expected = model.predict_on_batch(x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(x), expected, atol=1e-5)


def test_an_encoder_that_is_not_built():
    encoder = keras.Sequential([layers.Conv2D(4, 3, name="conv"), layers.Flatten()])
    with pytest.raises(ValueError, match="give `image_shape`.*Received"):
        feature_map(encoder, "conv")
    assert feature_map(encoder, "conv", (8, 8, 1)).output_shape == (None, 6, 6, 4)


def test_what_there_is_not():
    with pytest.raises(ValueError, match=r"such as \['P1', 'P2', .*Received: name=\['P3'\]"):
        feature_map(of_tensors(), "P3")
    with pytest.raises(ValueError, match="can't be reached.*Received: Dense"):
        feature_map(layers.Dense(3), "dense", (8, 8, 3))
    with pytest.raises(ValueError, match="must be a `keras.Model`"):
        feature_map("resnet", "P3")
