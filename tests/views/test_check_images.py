import numpy as np
import pytest

from keras_simmim.views.check_images import check_images

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3)).astype("uint8")


@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        IMAGES.astype("float16"),
        IMAGES.astype("int64"),
        IMAGES - 3.5,  # what a cubic kernel makes of the range
        IMAGES[..., :1],
        IMAGES[..., [0, 1, 2, 2]],
        IMAGES[:, None],  # views
        IMAGES[:, :1, :1],
        np.zeros_like(IMAGES),
        np.full_like(IMAGES, 200),
        "what is no array",
    ],
)
def test_images_that_pass(images):
    check_images(images)


def message(images, channels=None):
    with pytest.raises(ValueError) as error:
        check_images(images, channels)
    text = str(error.value)
    assert "Received: " in text and str(images.dtype) in text and str(images.shape) in text
    return text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_images_with_pixels_that_are_not_finite_are_named(value):
    images = IMAGES.astype("float32")
    images[[2, 5], 3, 0, 1] = value
    assert "NaN or infinite" in message(images)
    assert message(images).endswith("with such pixels in image 2, 5")
    images[:] = value
    assert message(images).endswith("in image 0, 1, 2, 3, 4, ...")


def test_of_a_file_that_is_mapped_some_images_are_read(tmp_path):
    images = np.memmap(tmp_path / "images", "float32", "w+", shape=(600, 2, 2, 1))
    images[:] = 7
    images[4] = np.nan
    assert message(images).endswith("in image 4")


@pytest.mark.parametrize(
    "images, values, way",
    [
        (IMAGES / np.float32(255), "0...1", "multiply them by 255"),
        (IMAGES > 100, "0...1", "multiply them by 255"),
        ((IMAGES / 255).astype("uint8"), "0...1", "multiply them by 255"),
        (IMAGES / 127.5 - 1, "-1...1", "(images + 1) * 127.5"),
        ((IMAGES - 127.5) / 64, "-1.99219...1.99219", "scale them back"),
        (IMAGES.astype("uint16") * 257, "0...65535", "images / 257"),
        (-IMAGES.astype("int16"), "-255...0", "scale them"),
    ],
)
def test_another_range_is_named(images, values, way):
    text = message(images)
    assert f"Received: values of {values}, " in text and way in text


@pytest.mark.parametrize(
    "images, channels, way",
    [
        (IMAGES[..., [0, 1, 2, 2]], 3, "images[..., :3]"),
        (IMAGES[..., :1], 3, "numpy.repeat(images, 3, axis=-1)"),
        (IMAGES.transpose(0, 3, 1, 2), 3, "numpy.moveaxis(images, -3, -1)"),
        (IMAGES, 1, "`image_shape`"),
        (IMAGES[0], None, "image[None]"),
        (IMAGES[..., 0], None, "images[..., None]"),
        (IMAGES[:0], None, "There are no images"),
        (IMAGES.astype("object"), None, "from_folder"),
        (IMAGES.astype("complex64"), None, "numbers"),
    ],
)
def test_what_to_do_with_another_shape_is_said(images, channels, way):
    assert way in message(images, channels)
