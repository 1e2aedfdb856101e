import keras
import numpy as np
import pytest
from small_methods import small_encoder

from keras_simmim.encoders import ResNet, whiten_stem


def smooth_images(count=64, size=12, channels=3):
    """Neighbouring pixels and channels are alike, as in photographs."""
    rng = np.random.default_rng(0)
    small = rng.uniform(0, 255, (count, size // 4, size // 4, 1)).repeat(4, 1).repeat(4, 2)
    return np.clip(small + rng.normal(0, 30, (count, size, size, channels)), 0, 255)


def patches_of(images):
    """Every third 3x3 patch of standardized images, one a row, as the kernel orders them."""
    x = (images - 127.5) / 64
    rows = [
        x[:, i : i + 3, j : j + 3].reshape(len(x), -1)
        for i in range(0, x.shape[1] - 2, 3)
        for j in range(0, x.shape[2] - 2, 3)
    ]
    return np.concatenate(rows)


@pytest.mark.parametrize("width", [8, 32, 64])
@pytest.mark.parametrize("stem", ["3x3", "3x3/2"])
def test_what_the_filters_give_is_uncorrelated(width, stem):
    encoder = ResNet(10, width, (12, 12, 3), stem=stem)
    before = np.array(encoder.get_layer("stem_conv").get_weights()[0]).reshape(27, -1)
    images = smooth_images()
    whiten_stem(encoder, images)
    filters = encoder.get_layer("stem_conv").get_weights()[0].reshape(27, -1)
    count = min(width, 27)
    given = patches_of(images) @ filters[:, :count]
    moments = given.T @ given / len(given)
    np.testing.assert_allclose(moments - np.diag(np.diag(moments)), 0, atol=1e-3)
    assert np.all(np.diff(np.diag(moments)) <= 1e-4) and 0.9 < moments[0, 0] <= 1
    # The opposites, then what was there.
    opposite = filters[:, 27:54]
    np.testing.assert_array_equal(opposite, -filters[:, : opposite.shape[1]])
    np.testing.assert_array_equal(filters[:, 54:], before[:, 54:])


@pytest.mark.parametrize("channels", [1, 5])
def test_any_number_of_channels(channels):
    encoder = ResNet(10, 4, (12, 12, channels), stem="3x3")
    whiten_stem(encoder, smooth_images(channels=channels))
    assert np.all(np.isfinite(encoder.get_layer("stem_conv").get_weights()[0]))


def test_equal_images_give_finite_filters():
    encoder = ResNet(10, 32, (12, 12, 3))
    whiten_stem(encoder, np.full((2, 12, 12, 3), 7, "uint8"))
    assert np.all(np.isfinite(encoder.get_layer("stem_conv").get_weights()[0]))


@pytest.mark.parametrize("shape", [(2, 12, 12, 1), (2, 2, 12, 3), (12, 12, 3)])
def test_images_that_do_not_fit(shape):
    with pytest.raises(ValueError, match="Received: shape"):
        whiten_stem(ResNet(10, 4, (12, 12, 3)), np.zeros(shape))


def test_another_encoder():
    for encoder in (small_encoder(), keras.layers.Flatten()):
        with pytest.raises(ValueError, match="Received: encoder="):
            whiten_stem(encoder, smooth_images())
