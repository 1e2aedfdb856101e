import shutil

import numpy as np
import pytest
from PIL import Image

from keras_simmim.datasets import batches, from_folder
from keras_simmim.runs import RunConfig, RunError
from keras_simmim.runs.run_data import RunData


def load(folder, **options):
    return RunData.load(RunConfig(data=str(folder), image_size=16, **options))


def test_a_folder_that_cannot_be_used_is_answered_in_one_line(image_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, options, message in (
        (tmp_path / "empty", {}, "holds no images"),
        (image_folder, {"batch_size": 13}, "Received: 12 images, batch_size=13"),
    ):
        with pytest.raises(RunError, match=message) as error:
            load(folder, **options)
        assert "\n" not in str(error.value)


def test_test_data_that_does_not_fit_is_refused(image_folder, tmp_path):
    for name in ("cats", "eels"):
        shutil.copytree(image_folder / "cats", tmp_path / "other" / name)
    with pytest.raises(RunError, match="other classes than cats, dogs: .*Received: eels"):
        load(image_folder, batch_size=4, test_data=str(tmp_path / "other"))
    with pytest.raises(RunError, match="sample has its own"):
        RunData.load(RunConfig(data="sample", test_data=str(image_folder)))


def test_test_data_may_lack_classes(image_folder, tmp_path):
    shutil.copytree(image_folder / "dogs", tmp_path / "other" / "dogs")
    data = load(image_folder, batch_size=4, test_data=str(tmp_path / "other"))
    assert list(data.labelled[3]) == [1] * 6 and data.class_names == ["cats", "dogs"]
    images = data.labelled[0][data.labelled[1] == 1]
    assert {image.tobytes() for image in images} == {x.tobytes() for x in data.labelled[2]}
    assert set(data.named_images()[1]) == {"dogs"}


def test_the_labelled_part_of_folders(image_folder, monkeypatch):
    monkeypatch.setattr(RunData, "PART_OF_FOLDERS", (8, 5))
    data = load(image_folder, batch_size=4, test_data=str(image_folder))
    train_images, train_labels, test_images, test_labels = data.labelled
    assert train_images.shape == (8, 16, 16, 3) and test_images.shape == (5, 16, 16, 3)
    # Each image is of the folder that its label says.
    whole = from_folder(image_folder, 16, batch_size=12, shuffle=False)
    images, labels = whole[0]
    for image, label in zip(
        [*train_images, *test_images], [*train_labels, *test_labels], strict=True
    ):
        (index,) = np.flatnonzero((images == image).all(axis=(1, 2, 3)))
        assert labels[index] == label
    assert data.class_names == ["cats", "dogs"] and data.steps_per_pass == 3
    assert data.named_images()[1] == [data.class_names[label] for label in data.part[3]]


def test_labels_go_with_images_on_every_process(image_folder, monkeypatch):
    """Each process embeds its own part of what all of them hold."""
    alone = load(image_folder, batch_size=4, test_data=str(image_folder))
    for name, value in (("device_count", 2), ("data_part", (1, 2))):
        monkeypatch.setattr(batches.backend, name, lambda value=value: value)
    one_of_two = load(image_folder, batch_size=4, test_data=str(image_folder))
    for mine, all_of_it in zip(one_of_two.labelled, alone.labelled, strict=True):
        np.testing.assert_array_equal(mine, all_of_it)
    np.testing.assert_array_equal(one_of_two.few_images(), alone.few_images())
    np.testing.assert_array_equal(one_of_two.some_images(), alone.some_images())
    assert len(one_of_two.batches()[0][0]) == 2


def test_unreadable_files_end_the_run_or_are_left_out(image_folder):
    (image_folder / "cats" / "broken.jpg").write_text("no image")
    with pytest.raises(RunError, match="broken.jpg.*--skip-unreadable"):
        load(image_folder, batch_size=4)
    with pytest.warns(UserWarning, match="1 of 13 .*broken.jpg"):
        data = load(image_folder, batch_size=4, skip_unreadable=True)
    assert data.steps_per_pass == 3
    (image_folder / "dogs" / "3.png").unlink()
    batches = data.batches()
    with pytest.warns(UserWarning, match="dogs/3.png can't be read any more"):
        assert [len(batches[index][0]) for index in range(3)] == [4, 4, 4]


def test_a_folder_that_changed_since_the_run_began_is_told(image_folder):
    config = RunConfig(data=str(image_folder), image_size=16, batch_size=4)
    RunData.load(config)
    assert config.num_images == 12
    shutil.copy(image_folder / "cats" / "0.png", image_folder / "cats" / "more.png")
    with pytest.warns(UserWarning, match="held 12 images when the run began and holds 13 now"):
        RunData.load(config)


def test_large_photographs_and_a_single_image(tmp_path):
    Image.new("L", (10_000, 8), 50).save(tmp_path / "wide.png")
    with pytest.raises(RunError, match="Received: 1 images"):
        load(tmp_path, batch_size=2)
    Image.new("RGBA", (1, 1), (50, 50, 50, 0)).save(tmp_path / "pixel.png")
    images = load(tmp_path, batch_size=2).some_images()
    assert images.shape == (2, 16, 16, 3) and (images == 50).all()
