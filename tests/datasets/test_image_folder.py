import shutil

import numpy as np
import pytest
from PIL import Image
from recorder import number_images, record

from keras_simmim.datasets import from_folder
from keras_simmim.datasets.order import batch_indices


def save(path, pixels, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **kwargs)


@pytest.fixture
def numbered(tmp_path):
    """Eleven images, each filled with its number, in sorted order."""
    for number, image in enumerate(number_images(11, 8, 10, 3)):
        save(tmp_path / f"{number:02}.png", image)
    return tmp_path


def test_a_flat_folder_gives_images_alone(numbered):
    dataset = from_folder(numbered, image_size=(4, 6), batch_size=3, seed=5)
    assert (dataset.num_images, len(dataset), dataset.class_names) == (11, 3, [])
    assert dataset.labels is None and dataset.skipped == []
    (images,) = dataset[1]
    assert images.shape == (3, 4, 6, 3) and images.dtype == "uint8"
    expected = batch_indices(1, 11, 3, seed=5)
    np.testing.assert_array_equal(images, number_images(11, 4, 6, 3)[expected])
    assert [dataset.files[i].name for i in expected] == [f"{i:02}.png" for i in expected]


def test_sub_folders_are_classes(tmp_path):
    pixels = np.zeros((5, 5, 3), "uint8")
    for name in ("dog/b.png", "cat/deep/a.jpg", "dog/a.PNG", "dog/.hidden.png", "dog/notes.txt"):
        save(tmp_path / name, pixels, format="PNG")
    dataset = from_folder(tmp_path, 4, batch_size=2, shuffle=False)
    assert dataset.class_names == ["cat", "dog"]
    names = [file.relative_to(tmp_path).as_posix() for file in dataset.files]
    assert names == ["cat/deep/a.jpg", "dog/a.PNG", "dog/b.png"]
    assert [list(labels) for _, labels in (dataset[0], dataset[1])] == [[0, 1], [1]]
    assert dataset[0][1].dtype == "int64"
    assert len(from_folder(tmp_path, 4, batch_size=2, labels=None)[0]) == 1

    save(tmp_path / "flat.png", pixels)
    assert from_folder(tmp_path, 4, batch_size=2).labels is None
    with pytest.raises(ValueError, match="outside of sub-folders"):
        from_folder(tmp_path, 4, batch_size=2, labels="folders")


def test_fit_sees_the_global_order(numbered):
    dataset = from_folder(numbered, 4, batch_size=3)
    expected = np.stack([batch_indices(step, 11, 3) for step in range(9)])
    np.testing.assert_array_equal(record(dataset, 3, 9), expected)


def test_a_resumed_fit_goes_on_with_the_order(numbered):
    dataset = from_folder(numbered, 4, batch_size=3, steps_per_epoch=4, first_step=4)
    expected = np.stack([batch_indices(step, 11, 3) for step in range(4, 12)])
    np.testing.assert_array_equal(record(dataset, 3, 8, initial_epoch=1), expected)


def test_fit_may_shuffle_the_steps(numbered):
    dataset = from_folder(numbered, 4, batch_size=3)
    seen = np.concatenate([dataset[i][0][:, 0, 0, 0] for i in (2, 0, 1)])
    expected = np.concatenate([batch_indices(step, 11, 3) for step in (2, 0, 1)])
    np.testing.assert_array_equal(seen, expected)


RED = np.full((6, 9, 3), (200, 30, 10), "uint8")


@pytest.mark.parametrize(
    "name, image, expected",
    [
        ("rgb.png", Image.fromarray(RED), (200, 30, 10)),
        ("rgba.png", Image.fromarray(np.dstack([RED, RED[..., :1]])), (200, 30, 10)),
        ("palette.gif", Image.fromarray(RED).quantize(2), (200, 30, 10)),
        ("clear.png", Image.fromarray(RED).quantize(2), (200, 30, 10)),
        ("gray.jpg", Image.fromarray(RED[..., 0]), (200, 200, 200)),
        ("gray_alpha.png", Image.fromarray(RED[..., 0]).convert("LA"), (200, 200, 200)),
        ("bits.png", Image.fromarray(RED[..., 0] > 100), (255, 255, 255)),
        ("gray16.png", Image.fromarray(np.full((6, 9), 200 * 257, "uint16")), (200, 200, 200)),
        ("gray16.tif", Image.fromarray(np.full((6, 9), 200 * 257, "uint16")), (200, 200, 200)),
        ("cmyk.jpg", Image.fromarray(RED).convert("CMYK"), (200, 30, 10)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_all_modes_become_rgb(tmp_path, recwarn, name, image, expected):
    save(tmp_path / name, image, **({"transparency": b"\x80"} if name == "clear.png" else {}))
    (images,) = from_folder(tmp_path, 5, batch_size=1)[0]
    assert images.shape == (1, 5, 5, 3)
    np.testing.assert_allclose(images, np.broadcast_to(expected, images.shape), atol=4)
    assert not recwarn.list


def test_images_cover_the_size_and_are_cropped_to_the_centre(tmp_path):
    pixels = np.zeros((40, 120, 3), "uint8")
    pixels[:, 35:85] = 255
    save(tmp_path / "wide.png", pixels)
    save(tmp_path / "tall.png", pixels.transpose(1, 0, 2))
    (images,) = from_folder(tmp_path, 10, batch_size=2)[0]
    np.testing.assert_array_equal(images, np.full((2, 10, 10, 3), 255))


def test_large_jpegs_shrink_without_aliasing(tmp_path):
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8")).resize((1600, 1200))
    save(tmp_path / "large.jpg", smooth, quality=95)
    (images,) = from_folder(tmp_path, (60, 80), batch_size=1)[0]
    expected = np.asarray(smooth.resize((80, 60), Image.Resampling.BOX), "float32")
    assert np.abs(images[0] - expected).mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_the_camera_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.zeros((160, 240, 3), "uint8")
    pixels[:80, :120, 0] = 255
    pixels[80:, :120, 1] = 255
    stored = Image.fromarray(pixels)
    save(tmp_path / "photo.jpg", stored, exif=exif, quality=95)
    turns = {
        1: [], 2: [0], 3: [3], 4: [1], 5: [5], 6: [4], 7: [6], 8: [2],
    }[orientation]  # fmt: skip
    for turn in turns:
        stored = stored.transpose(Image.Transpose(turn))
    size = (20, 30) if orientation < 5 else (30, 20)
    (images,) = from_folder(tmp_path, size, batch_size=1)[0]
    expected = np.asarray(stored.resize(size[::-1], Image.Resampling.BOX), "float32")
    assert np.abs(images[0] - expected).mean() < 6


@pytest.fixture
def damaged(numbered):
    """The numbered images, one not an image, one empty, and a JPEG cut in half."""
    (numbered / "03.png").write_text("no image")
    (numbered / "05.png").write_bytes(b"")
    rng = np.random.default_rng(0)
    save(numbered / "whole.jpg", rng.integers(0, 256, (64, 64, 3), "uint8"))
    data = (numbered / "whole.jpg").read_bytes()
    (numbered / "whole.jpg").unlink()
    (numbered / "cut.jpg").write_bytes(data[: len(data) // 2])
    return numbered


def test_an_unreadable_file_is_named_at_once(damaged):
    with pytest.raises(ValueError, match="03.png.*skip_unreadable"):
        from_folder(damaged, 4, batch_size=3)


def test_a_truncated_file_is_named_when_it_is_read(damaged):
    for name in ("03.png", "05.png"):
        (damaged / name).unlink()
    dataset = from_folder(damaged, 4, batch_size=5, shuffle=False)
    assert len(dataset[0][0]) == 5
    with pytest.raises(ValueError, match="cut.jpg.*truncated.*skip_unreadable"):
        dataset[1]


def test_unreadable_files_are_skipped_and_listed(damaged):
    with pytest.warns(UserWarning, match="3 of 12 .*03.png.*05.png.*cut.jpg"):
        dataset = from_folder(damaged, 4, batch_size=3, shuffle=False, skip_unreadable=True)
    assert [file.name for file in dataset.skipped] == ["03.png", "05.png", "cut.jpg"]
    seen = np.concatenate([batch[0][:, 0, 0, 0] for batch in dataset])
    np.testing.assert_array_equal(seen, [0, 1, 2, 4, 6, 7, 8, 9, 10])


def test_nothing_to_read(tmp_path):
    with pytest.raises(ValueError, match="no folder.*Received: .*missing"):
        from_folder(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match="holds no images"):
        from_folder(tmp_path)
    (tmp_path / "a.png").write_text("")
    with pytest.raises(ValueError, match="None of the 1"):
        from_folder(tmp_path, skip_unreadable=True)


@pytest.mark.parametrize(
    "kwargs", [{"image_size": 0}, {"image_size": (1, 2, 3)}, {"labels": "all"}, {"workers": 0}]
)
def test_bad_arguments(numbered, kwargs):
    with pytest.raises(ValueError, match="Received"):
        from_folder(numbered, **kwargs)


def test_threads_read_ahead(numbered):
    """The next batch is decoded while the current one is used."""
    dataset = from_folder(numbered, 4, batch_size=3, shuffle=False)
    dataset[0]
    for future in dataset._ahead[1]:
        future.result()
    shutil.rmtree(numbered)
    np.testing.assert_array_equal(dataset[1][0][:, 0, 0, 0], [3, 4, 5])
