import keras
import numpy as np
import pytest

import keras_simmim as ks

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype="uint8")


class Scaled(keras.layers.Layer):
    """Features of very different mean and spread, one of them the same for all images."""

    def call(self, images):
        x = keras.ops.cast(images, "float32")[:, ::8, ::8]
        return keras.ops.concatenate([x, 100 + x / 50, 0 * x[..., :1] + 7], axis=-1)


def test_features_have_mean_0_and_variance_1():
    plain = ks.evaluation.embed(Scaled(), IMAGES)
    encoder = ks.evaluation.standardize_features(Scaled(), plain, (16, 16, 3))
    features = ks.evaluation.embed(encoder, IMAGES)
    expected = np.zeros_like(features)
    for channel in range(6):
        mean = sum(plain[:, channel]) / len(plain)
        variance = sum((plain[:, channel] - mean) ** 2) / len(plain)
        expected[:, channel] = (plain[:, channel] - mean) / variance**0.5
    np.testing.assert_allclose(features, expected, atol=1e-3)
    # That of the last feature, too, which has no variance.
    assert not features[:, 6].any()


@pytest.mark.parametrize("image_shape", [(16, 16, 3), (None, None, 3)])
def test_is_saved_and_keeps_the_encoder(tmp_path, image_shape):
    trained = ks.encoders.ResNet(10, 2, image_shape, stem="3x3/2")
    plain = ks.evaluation.embed(trained, IMAGES)
    encoder = ks.evaluation.standardize_features(trained, plain, image_shape)
    assert encoder.layers[0] is trained
    np.testing.assert_array_equal(ks.evaluation.embed(trained, IMAGES), plain)
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    features = ks.evaluation.embed(encoder, IMAGES)
    np.testing.assert_allclose(ks.evaluation.embed(loaded, IMAGES), features, atol=1e-5)
    alive = plain.std(axis=0) > 0
    np.testing.assert_allclose(features[:, alive].std(axis=0), 1, atol=1e-3)


def test_of_an_encoder_in_bfloat16_features_are_float32():
    trained = ks.encoders.ResNet(10, 2, (16, 16, 3), stem="3x3/2", dtype="mixed_bfloat16")
    plain = ks.evaluation.embed(trained, IMAGES)
    encoder = ks.evaluation.standardize_features(trained, plain, (16, 16, 3))
    assert keras.backend.standardize_dtype(encoder(IMAGES).dtype) == "float32"


def test_bad_features():
    features = np.ones((4, 3), "float32")
    for bad in (features[0], features[:1]):
        with pytest.raises(ValueError, match=r"must be \(N, F\).*Received: shape"):
            ks.evaluation.standardize_features(Scaled(), bad, (16, 16, 3))
    features[2, 1] = np.nan
    with pytest.raises(ValueError, match="must be finite.*row 2"):
        ks.evaluation.standardize_features(Scaled(), features, (16, 16, 3))
    with pytest.raises(ValueError, match="An encoder is needed"):
        method = ks.SimCLR(ks.encoders.ResNet(10, 2, (16, 16, 3)))
        ks.evaluation.standardize_features(method, np.ones((4, 3)), (16, 16, 3))
