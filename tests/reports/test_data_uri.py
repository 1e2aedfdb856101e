import base64
import io

import numpy as np
from PIL import Image

from keras_simmim.reports.data_uri import data_uri, sprite


def decoded(address):
    head, body = address.split(",")
    return head, np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB"))


def test_small_images_are_kept_exactly_and_large_ones_reduced():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (12, 8, 3)).astype("uint8")
    head, pixels = decoded(data_uri(small))
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(pixels, small)
    head, pixels = decoded(data_uri(rng.integers(0, 256, (600, 300, 3))))
    assert head == "data:image/jpeg;base64" and pixels.shape == (160, 80, 3)


def test_each_image_has_its_place_in_a_sprite():
    images = np.repeat(np.arange(0, 250, 50), 16 * 16 * 3).reshape(5, 16, 16, 3)
    address, width, height, columns = sprite(images, 10**6)
    assert (width, height, columns) == (16, 16, 3)
    _, sheet = decoded(address)
    assert sheet.shape == (32, 48, 3)
    for index in range(5):
        row, column = divmod(index, 3)
        place = sheet[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
        np.testing.assert_allclose(place, 50 * index, atol=12)


def test_a_sprite_takes_no_more_than_it_may():
    images = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype("uint8")
    free, *_ = sprite(images, 10**7)
    tight, *_ = sprite(images, len(free) // 2)
    assert len(tight) <= len(free) // 2
