"""Every operation against its formula in torchvision.transforms, written out in NumPy."""

import numpy as np
import pytest
from keras import ops

from keras_simmim.views import color

LUMA = np.array([0.2989, 0.587, 0.114])  # torchvision's, which rounds 0.299 and misses 1 by 1e-4


def random_views(channels=3):
    # Away from the ends, where torchvision clips between operations.
    return np.random.default_rng(0).uniform(90, 160, (2, 3, channels, 6, 5)).astype("float32")


def factors(*values):
    return np.array(values, "float32").reshape(2, 3)


SOME = factors(0.6, 0.8, 1.0, 1.1, 1.3, 1.4)


def recolor(views, **parameters):
    means = ops.convert_to_tensor(views.mean(axis=(3, 4)))
    parameters = {name: ops.convert_to_tensor(value) for name, value in parameters.items()}
    return ops.convert_to_numpy(color.recolor(ops.convert_to_tensor(views), means, **parameters))


def gray(views):
    return np.einsum("bvchw,c->bvhw", views, LUMA)[:, :, None]


def blend(views, other, factor):
    factor = factor[..., None, None, None]
    return factor * views + (1 - factor) * other


def test_brightness():
    views = random_views()
    np.testing.assert_allclose(recolor(views, brightness=SOME), blend(views, 0, SOME), rtol=1e-5)


def test_contrast():
    views = random_views()
    expected = blend(views, gray(views).mean(axis=(3, 4), keepdims=True), SOME)
    np.testing.assert_allclose(recolor(views, contrast=SOME), expected, atol=0.03)


def test_saturation():
    views = random_views()
    expected = blend(views, gray(views), SOME)
    np.testing.assert_allclose(recolor(views, saturation=SOME), expected, atol=0.03)


def test_no_saturation_is_grayscale():
    views = random_views()
    expected = np.broadcast_to(gray(views), views.shape)
    np.testing.assert_allclose(recolor(views, saturation=0 * SOME), expected, atol=0.03)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_any_order_of_torchvisions_operations_is_the_affine_map(order):
    rng = np.random.default_rng(1)
    views = random_views()
    b, c, s = rng.uniform(0.6, 1.4, (3, 2, 3)).astype("float32")
    expected = views
    for operation in order:
        if operation == 0:
            expected = blend(expected, 0, b)
        elif operation == 1:
            expected = blend(expected, gray(expected).mean(axis=(3, 4), keepdims=True), c)
        else:
            expected = blend(expected, gray(expected), s)
    actual = recolor(views, brightness=b, contrast=c, saturation=s)
    np.testing.assert_allclose(actual, expected, atol=0.1)


def test_hue_keeps_luma_and_grays():
    views = random_views()
    turned = recolor(views, hue=factors(-0.5, -0.1, 0.0, 0.05, 0.25, 0.5))
    np.testing.assert_allclose(gray(turned), gray(views), atol=0.03)
    grays = np.broadcast_to(views[:, :, :1], views.shape)
    turned = recolor(grays, hue=factors(-0.5, -0.1, 0.0, 0.05, 0.25, 0.5))
    np.testing.assert_allclose(turned, grays, atol=1e-3)


def test_hue_turns_add_up_to_a_circle():
    views = random_views()
    np.testing.assert_allclose(recolor(views, hue=0 * SOME + 1), views, atol=1e-3)
    thirds = views
    for _ in range(3):
        thirds = recolor(thirds, hue=0 * SOME + 1 / 3)
    np.testing.assert_allclose(thirds, views, atol=1e-2)


@pytest.mark.parametrize(("channel", "turn"), [(0, 1 / 3), (1, 1 / 3), (2, 1 / 3), (0, -1 / 3)])
def test_hue_turns_the_way_of_hsv(channel, turn):
    """A third of a turn takes red to green, green to blue, blue to red, as in HSV."""
    views = np.full((2, 3, 3, 1, 1), 100, "float32")
    views[:, :, channel] += 50
    turned = recolor(views, hue=0 * SOME + turn)
    expected = (channel + round(3 * turn)) % 3
    np.testing.assert_array_equal(turned.argmax(axis=2), expected)


def test_small_hue_turns_are_near_those_of_hsv():
    """Up to 0.1 turn, on colours of medium saturation, YIQ and HSV turn much the same way."""
    import colorsys

    views = random_views() / 255
    turn = 0.1
    expected = views.copy()
    for b, v, y, x in np.ndindex(2, 3, 6, 5):
        h, s, value = colorsys.rgb_to_hsv(*views[b, v, :, y, x])
        expected[b, v, :, y, x] = colorsys.hsv_to_rgb((h + turn) % 1, s, value)
    # The chrominance moved, without the luma, which HSV does not keep.
    moved = recolor(views, hue=0 * SOME + turn) - views
    hsv_moved = (expected - gray(expected)) - (views - gray(views))
    correlation = np.corrcoef(moved.ravel(), hsv_moved.ravel())[0, 1]
    assert correlation > 0.9


@pytest.mark.parametrize("channels", [1, 5])
def test_other_channels_have_brightness_and_contrast(channels):
    views = random_views(channels)
    expected = blend(views, views.mean(axis=(2, 3, 4), keepdims=True), SOME) * 1.2
    actual = recolor(views, brightness=0 * SOME + 1.2, contrast=SOME)
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


def test_solarize():
    views = np.linspace(0, 255, 2 * 3 * 4, dtype="float32").reshape(2, 3, 4)
    applied = np.array([[True, False, True], [True, True, False]])
    actual = ops.convert_to_numpy(
        color.solarize(ops.convert_to_tensor(views), ops.convert_to_tensor(applied), 128)
    )
    expected = np.where(applied[..., None] & (views >= 128), 255 - views, views)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
