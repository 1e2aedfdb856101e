import numpy as np
import pytest
from PIL import Image

from keras_simmim.datasets import from_folder


@pytest.fixture
def folders(tmp_path):
    """A folder to train on, and one to test on that lacks a class."""
    for part, names in (("train", ("cat", "dog", "eel")), ("test", ("eel", "cat"))):
        for number, name in enumerate(names):
            (tmp_path / part / name).mkdir(parents=True)
            for index in range(2):
                pixels = np.full((9, 9, 3), 100 * number + index, "uint8")
                Image.fromarray(pixels).save(tmp_path / part / name / f"{index}.png")
    return tmp_path


def load(folder, **kwargs):
    return from_folder(folder, 8, batch_size=2, shuffle=False, **kwargs)


def test_a_folder_to_test_on_has_the_labels_of_that_to_train_on(folders):
    train = load(folders / "train", labels="folders")
    test = load(folders / "test", labels="folders", class_names=train.class_names)
    assert test.class_names == train.class_names == ["cat", "dog", "eel"]
    of_file = dict(zip([file.parent.name for file in train.files], train.labels, strict=True))
    assert [of_file[file.parent.name] for file in test.files] == list(test.labels) == [0, 0, 2, 2]
    assert test.labels.dtype == "int64" and list(test[1][1]) == [2, 2]
    # As they would be without.
    assert list(load(folders / "test").labels) == [0, 0, 1, 1]


def test_the_order_of_the_names_is_that_of_the_labels(folders):
    names = ("eel", "newt", "cat", "dog")
    dataset = load(folders / "train", class_names=np.array(names))
    assert dataset.class_names == list(names)
    assert all(type(name) is str for name in dataset.class_names)
    assert list(dataset.labels) == [2, 2, 3, 3, 0, 0]


def test_classes_that_are_not_asked_for_are_named(folders):
    with pytest.raises(ValueError, match="other classes than cat, eel: .*Received: dog$"):
        load(folders / "train", class_names=["cat", "eel"])
    Image.new("RGB", (9, 9)).save(folders / "test" / "stray.png")
    with pytest.raises(ValueError, match="outside of sub-folders"):
        load(folders / "test", class_names=["cat", "dog", "eel"])


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"class_names": []}, "names of folders, in the order.*Received: class_names=\\[\\]"),
        ({"class_names": "cat"}, "Received: class_names='cat'"),
        ({"class_names": ["cat", 3]}, "Received: class_names="),
        ({"class_names": ["cat", "eel", "cat"]}, "each class once. Received: cat more than once"),
        ({"class_names": ["cat"], "labels": None}, "Received: labels=None"),
    ],
)
def test_bad_names(folders, kwargs, message):
    with pytest.raises(ValueError, match=message):
        load(folders / "test", **kwargs)
