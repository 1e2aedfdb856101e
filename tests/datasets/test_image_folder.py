import os
import shutil
import struct
import warnings
import zlib

import keras
import numpy as np
import pytest
from PIL import Image
from recorder import number_images, record
from small_methods import METHODS

from keras_simmim.datasets import ImageFileError, batches, from_folder
from keras_simmim.datasets.order import batch_indices

# Images that are their number are nearly black.
pytestmark = pytest.mark.filterwarnings("ignore:The images of")


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


def test_a_process_may_have_nothing_of_the_last_batch(numbered, monkeypatch):
    dataset = from_folder(numbered, (4, 6), batch_size=5, shuffle=False)
    monkeypatch.setattr(batches.backend, "device_count", lambda: 2)
    monkeypatch.setattr(batches.backend, "data_part", lambda: (0, 2))
    assert [dataset[index][0].shape for index in range(3)] == [(2, 4, 6, 3)] * 2 + [(0, 4, 6, 3)]
    whole = dataset.whole()
    images = np.concatenate([whole[index][0] for index in range(3)])
    np.testing.assert_array_equal(images, number_images(11, 4, 6, 3))


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


@pytest.mark.parametrize("size", [(1, 1), (8, 10_000), (10_000, 8), (1, 10_000)])
def test_extreme_sizes(tmp_path, size):
    """The middle of a ramp from black to white, or the only pixel there is."""
    ramp = np.linspace(0, 255, max(size)) if max(size) > 1 else np.array([127])
    along = (-1, 1, 1) if size[0] == max(size) else (1, -1, 1)
    pixels = np.broadcast_to(ramp.reshape(along).astype("uint8"), (*size, 3))
    save(tmp_path / "extreme.png", pixels)
    (images,) = from_folder(tmp_path, 5, batch_size=1)[0]
    np.testing.assert_allclose(images, np.full((1, 5, 5, 3), 127), atol=1)


def test_one_image(numbered):
    for file in sorted(numbered.iterdir())[1:]:
        file.unlink()
    assert from_folder(numbered, 4, batch_size=1)[0][0].shape == (1, 4, 4, 3)
    with pytest.raises(ValueError, match="fewer images than one batch.*Received: 1 images"):
        from_folder(numbered, 4, batch_size=2)


def test_links_to_a_folder_above_end(tmp_path):
    """With 12 of them in each folder there would be more paths than can be walked."""
    for name in ("cat", "dog"):
        save(tmp_path / name / "a.png", np.zeros((5, 5, 3), "uint8"))
        for number in range(12):
            (tmp_path / name / f"loop{number}").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to(tmp_path)
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    save(elsewhere / "b.png", np.zeros((5, 5, 3), "uint8"))
    (elsewhere / "back").symlink_to(tmp_path / "dog")
    (tmp_path / "dog" / "elsewhere").symlink_to(elsewhere)
    dataset = from_folder(tmp_path, 4, batch_size=1)
    names = [file.relative_to(tmp_path).as_posix() for file in dataset.files]
    assert names == ["cat/a.png", "dog/a.png", "dog/elsewhere/b.png"]
    assert dataset.class_names == ["cat", "dog"]


def test_a_link_to_itself_is_named(numbered):
    (numbered / "loop.png").symlink_to(numbered / "loop.png")
    with pytest.raises(ImageFileError, match="loop.png: .*symbolic links"):
        from_folder(numbered, 4, batch_size=3)


SCRIPTS = ["Мурка", "猫", "قطة", "घोड़ा", "γάτα", "חתול", "고양이", "café", "cafe\u0301", "🐈 %s{}"]


def test_names_in_any_script(tmp_path):
    for number, name in enumerate(SCRIPTS):
        save(tmp_path / name / f"{name}.png", np.full((5, 5, 3), number, "uint8"))
    dataset = from_folder(tmp_path, 4, batch_size=len(SCRIPTS), shuffle=False)
    assert dataset.class_names == sorted(SCRIPTS)
    images, labels = dataset[0]
    for image, label in zip(images, labels, strict=True):
        assert SCRIPTS[image[0, 0, 0]] == dataset.class_names[label]
    (tmp_path / "猫" / "猫.png").write_text("no image")
    with pytest.raises(ImageFileError, match="猫/猫.png: "):
        from_folder(tmp_path, 4)


def test_a_name_that_is_no_unicode(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"\xff.png")
    try:
        with open(path, "wb") as file:
            Image.fromarray(RED).save(file, format="PNG")
    except OSError:
        pytest.skip("this file system has names in Unicode only")
    assert from_folder(tmp_path, 4, batch_size=1)[0][0].max() == 200


@pytest.mark.parametrize("name", ["cut.png", "text.jpg", "bomb.png"])
@pytest.mark.parametrize("skip", [False, True])
def test_a_file_that_is_no_whole_image(numbered, name, skip):
    reason = {"cut.png": "truncated", "text.jpg": "cannot identify", "bomb.png": "bomb"}[name]
    if name == "text.jpg":
        (numbered / name).write_text("Not an image.")
    elif name == "cut.png":
        save(numbered / name, np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8"))
        (numbered / name).write_bytes((numbered / name).read_bytes()[:6000])
    else:
        # A small file that says it has 65,535 x 65,535 pixels.
        save(numbered / name, RED)
        data = bytearray((numbered / name).read_bytes())
        struct.pack_into(">II", data, 16, 65_535, 65_535)
        struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
        (numbered / name).write_bytes(data)
    if skip:
        with pytest.warns(UserWarning, match=f"1 of 12 image files .*{name}"):
            dataset = from_folder(numbered, 4, batch_size=3, skip_unreadable=True)
        assert dataset.num_images == 11
        return
    with pytest.raises(ImageFileError, match=f"{name}: .*{reason}.* Repair or remove"):
        dataset = from_folder(numbered, 4, batch_size=12, shuffle=False)
        dataset[0]


def test_the_files_are_those_of_the_start(numbered):
    """What is added while training goes on changes neither order nor number."""
    dataset = from_folder(numbered, 4, batch_size=3)
    before = [dataset[i][0] for i in range(3)]
    save(numbered / "00a.png", RED)
    dataset.on_epoch_end()
    for batch, index in zip(before, range(3), strict=True):
        np.testing.assert_array_equal(dataset[index][0], batch)


def change(folder):
    """One file is deleted, and one replaced by what is no image."""
    (folder / "04.png").unlink()
    (folder / "07.png").write_text("no image")


class Change(keras.callbacks.Callback):
    """Changes the folder after the first step of the first epoch."""

    def __init__(self, folder, change):
        super().__init__()
        self.folder, self.change = folder, change

    def on_train_batch_end(self, batch, logs=None):
        if self.change:
            self.change(self.folder)
        self.change = None


def test_a_folder_that_changes_during_training_ends_it_with_the_files_name(numbered):
    """As it is raised, where TensorFlow would raise pages of its own."""
    dataset = from_folder(numbered, 16, batch_size=3)
    model = METHODS["SimCLR"]()
    model.compile(optimizer=keras.optimizers.SGD(0.01))
    with pytest.raises(ImageFileError, match="0[47].png: .*skip_unreadable"):
        callbacks = [Change(numbered, change)]
        model.fit(dataset, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)


def test_another_image_stands_in_for_one_that_is_lost_during_training(tmp_path):
    for number, image in enumerate(number_images(11, 8, 10, 3)):
        save(tmp_path / f"class{number // 4}" / f"{number:02}.png", image)
    dataset = from_folder(tmp_path, 4, batch_size=11, shuffle=False, skip_unreadable=True)
    (tmp_path / "class1" / "07.png").unlink()
    (tmp_path / "class2" / "10.png").write_text("no image")
    with pytest.warns(UserWarning, match="can't be read any more") as warned:
        images, labels = dataset[0]
    np.testing.assert_array_equal(images[:, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 8, 8, 9, 0])
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] // 4)
    assert [file.name for file in dataset.skipped] == ["07.png", "10.png"]
    assert len(warned) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # each is named once
        dataset[0]
    shutil.rmtree(tmp_path)
    with pytest.raises(ImageFileError, match="00.png"):
        dataset[0]


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
