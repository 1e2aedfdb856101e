import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, features

from keras_simmim.datasets import from_folder, image_formats
from keras_simmim.datasets.image_formats import photo_extensions

PIXELS = np.full((12, 16, 3), (200, 30, 10), "uint8")


def names(folder, **kwargs):
    dataset = from_folder(folder, 8, batch_size=1, shuffle=False, **kwargs)
    return [file.name for file in dataset.files]


def test_all_photos_that_pillow_writes_are_taken_and_read(tmp_path):
    """By each of its names of a format, in upper case, too."""
    registered = Image.registered_extensions()
    written = {ext for ext in photo_extensions() if registered[ext] in Image.SAVE}
    for extension in written:
        kind = registered[extension]
        image = Image.fromarray(PIXELS).convert("1" if extension == ".pbm" else "RGB")
        image.save(tmp_path / f"a{extension}", format=kind)
        image.save(tmp_path / f"B{extension.upper()}", format=kind)
    assert {".jpg", ".jfif", ".jpe", ".mpo", ".tga", ".apng", ".pnm", ".qoi", ".tif"} <= written
    dataset = from_folder(tmp_path, 8, batch_size=1, shuffle=False)
    assert len(dataset.files) == 2 * len(written)
    for file, (images,) in zip(dataset.files, dataset, strict=True):
        if file.suffix.lower() != ".pbm":
            np.testing.assert_allclose(
                images, np.broadcast_to(PIXELS[0, 0], images.shape), atol=6, err_msg=file.name
            )


def test_what_is_no_photo_is_passed_over(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    for name in ("b.pdf", "c.eps", "d.mpg", "e.h5", "f.fits", "g.wmf", "h.txt", "i", "j.grib"):
        (tmp_path / name).write_text("no image")
    for name in (".hidden.png", "._a.heic", "png", "k.png.txt"):
        (tmp_path / name).write_text("no image")
    Image.fromarray(PIXELS).save(tmp_path / "l.ico")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert names(tmp_path) == ["a.png"]


@pytest.fixture
def telephone(tmp_path, monkeypatch):
    """A folder of a telephone: two photos, and what Pillow reads with plugins alone."""
    for plugin in image_formats._PLUGINS:
        monkeypatch.setitem(sys.modules, plugin, None)
    for name in ("x/a.jpg", "x/b.jpg", "y/c.heic", "y/d.HEIC", "y/e.jxl", "x/f.cr2", "x/g.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(PIXELS).save(tmp_path / name, format="JPEG")
    return tmp_path


def test_what_looks_like_an_image_but_is_left_out_is_told_once(telephone):
    told = (
        r"1 \.cr2, 2 \.heic, 1 \.jxl.* \.heic: `pip install pillow-heif`.*pillow-jxl-plugin.*"
        r"\.cr2: develop"
    )
    with pytest.warns(UserWarning, match=told) as warned:
        dataset = from_folder(telephone, 8, batch_size=1)
    assert len(warned) == 1 and warned[0].filename == __file__
    assert [file.name for file in dataset.files] == ["a.jpg", "b.jpg"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_folder(telephone, 8, batch_size=1)
    for name in ("a.jpg", "b.jpg"):
        (telephone / "x" / name).unlink()
    with pytest.raises(ValueError, match="holds no images; .*2 .heic.*pillow-heif.*Received: "):
        from_folder(telephone, 8)


def test_a_plugin_that_is_installed_is_used(telephone, monkeypatch):
    def register():
        monkeypatch.setitem(Image.EXTENSION, ".heic", "HEIF")
        monkeypatch.setitem(Image.OPEN, "HEIF", Image.OPEN["JPEG"])

    plugin = SimpleNamespace(register_heif_opener=register)
    Image.registered_extensions()
    monkeypatch.setitem(sys.modules, "pillow_heif", plugin)
    with pytest.warns(UserWarning, match=r"\(1 \.cr2, 1 \.jxl\)"):
        assert names(telephone) == ["a.jpg", "b.jpg", "c.heic", "d.HEIC"]


def test_a_pillow_without_a_format(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "check", lambda part: part != "webp")
    for name in ("a.png", "b.webp"):
        Image.fromarray(PIXELS).save(tmp_path / name, format="PNG")
    with pytest.warns(UserWarning, match=r"1 \.webp\). Of \.webp: install a Pillow"):
        assert names(tmp_path) == ["a.png"]
