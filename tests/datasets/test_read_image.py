"""What cameras and programs note in a file is no reason to refuse its pixels."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_simmim.datasets import ImageFileError, from_folder
from keras_simmim.datasets.read_image import check_header, read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 30, 3), "uint8")
HEADER = b"Exif\x00\x00"


def tag(kind, count, value):
    """EXIF whose only tag is the orientation."""
    return (
        HEADER
        + b"II*\x00\x08\x00\x00\x00\x01\x00"
        + struct.pack("<HHI4s", 0x0112, kind, count, value)
    )


EXIF = {
    "garbage": HEADER + b"GARBAGE!!!!",
    "no header": b"GARBAGE",
    "cut": HEADER + b"II*\x00\x08\x00\x00\x00\x05\x00\x12\x01",
    "far": HEADER + b"II*\x00\xff\xff\xff\x7f",
    "text": tag(2, 2, b"x\x00\x00\x00"),
    "twelve": tag(3, 1, b"\x0c\x00\x00\x00"),
    "far value": tag(3, 4000, b"\xff\xff\xff\x7f"),
}


@pytest.mark.parametrize("exif", EXIF.values(), ids=EXIF)
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "avif"])
def test_an_orientation_that_can_not_be_read_is_none(tmp_path, kind, exif):
    file = io.BytesIO()
    options = {"quality": 95} if kind != "png" else {}
    form = {"jpg": "jpeg"}.get(kind, kind)
    try:
        Image.fromarray(PIXELS).save(file, form, exif=exif, **options)
    except (ValueError, OSError, KeyError, SyntaxError, TypeError):
        pytest.skip("this Pillow does not write it")
    (tmp_path / f"a.{kind}").write_bytes(file.getvalue())
    Image.fromarray(PIXELS).save(tmp_path / f"b.{kind}", form, **options)
    for skip in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dataset = from_folder(
                tmp_path, (24, 30), batch_size=2, shuffle=False, skip_unreadable=skip
            )
            (images,) = dataset[0]
        assert dataset.skipped == []
        np.testing.assert_array_equal(images[0], images[1])


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_one_that_can_be_read_is_applied_once(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "webp" else {}
    half = np.zeros((40, 40, 3), "uint8")
    half[:20] = 255  # the upper one
    Image.fromarray(half).save(tmp_path / f"a.{kind}", exif=exif, **options)
    image = read_image(tmp_path / f"a.{kind}", (40, 40))
    expected = np.rot90(half, 2 if orientation == 3 else 3)
    assert np.abs(image.astype(int) - expected).mean() < 3


def test_the_header_tells_what_can_not_be_read(tmp_path):
    """Before training begins."""
    path = tmp_path / "a.tif"
    Image.fromarray(PIXELS[..., 0].astype("float32")).save(path)
    for check in (check_header, lambda path: read_image(path, (8, 8))):
        with pytest.raises(ImageFileError, match="its pixels are floats of unknown range"):
            check(path)
    with pytest.raises(ImageFileError, match="floats"):
        from_folder(tmp_path, 8, batch_size=1)


def test_warnings_of_others_are_not_silenced(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_image(tmp_path / "a.png", (8, 8))
        warnings.warn("something else", stacklevel=1)
        filters = list(warnings.filters)
        read_image(tmp_path / "a.png", (8, 8))
        assert warnings.filters == filters  # once
    assert [str(warning.message) for warning in caught] == ["something else"]
