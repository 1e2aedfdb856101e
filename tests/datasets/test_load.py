import os
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_simmim.datasets import load

DATA_DIR = os.environ.get("TFDS_DATA_DIR") or str(
    Path(__file__).parents[2].parent / "shared" / "data" / "tensorflow_datasets"
)
needs_cifar10 = pytest.mark.skipif(
    not Path(DATA_DIR, "cifar10").is_dir(),
    reason=f"there is no prepared CIFAR-10 in {DATA_DIR}: set TFDS_DATA_DIR",
)


@pytest.mark.parametrize("split, per_class", [("train", 500), ("test", 100)])
def test_the_sample_is_stratified(split, per_class):
    images, labels = load("sample", split)
    assert images.shape == (10 * per_class, 32, 32, 3) and images.dtype == "uint8"
    assert labels.dtype == "int64"
    np.testing.assert_array_equal(np.bincount(labels), [per_class] * 10)
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) > 0.99 * len(images)
    # The mean and standard deviation of CIFAR-10's pixels are 121 and 64.
    assert abs(images.mean() - 121) < 3 and abs(images.std() - 64) < 3


@needs_cifar10
@pytest.mark.parametrize("split, count", [("train", 50_000), ("test", 10_000)])
def test_cifar10_holds_the_sample(split, count, capfd):
    images, labels = load("cifar10", split, data_dir=DATA_DIR)
    assert images.shape == (count, 32, 32, 3) and images.dtype == "uint8"
    assert labels.shape == (count,) and labels.dtype == "int64"
    assert images.flags.writeable  # torch warns of arrays that are not
    np.testing.assert_array_equal(np.bincount(labels), [count // 10] * 10)
    assert capfd.readouterr() == ("", "")
    # Pixels are equal, though one is decoded by TensorFlow and the other by Pillow.
    pairs = {(image.tobytes(), label) for image, label in zip(images, labels, strict=True)}
    sample = zip(*load("sample", split), strict=True)
    assert all((image.tobytes(), label) in pairs for image, label in sample)


@needs_cifar10
def test_cifar10_is_found_by_the_environment(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", DATA_DIR)
    images, _ = load("cifar10", "test")
    assert len(images) == 10_000


@pytest.mark.parametrize(
    "args, names", [(("cifar",), "cifar10, sample"), (("sample", "validation"), "train, test")]
)
def test_unknown_names(args, names):
    with pytest.raises(ValueError, match=f"{names}.*Received: '{args[-1]}'"):
        load(*args)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'keras-simmim\[tfds\]'"):
        load("cifar10")


def test_a_failed_download_says_what_to_do(monkeypatch, tmp_path):
    pytest.importorskip("tensorflow_datasets")

    def fail(*args, **kwargs):
        raise OSError("Network is unreachable\nlong story")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(FileNotFoundError) as error:
        load("cifar10", data_dir=tmp_path)
    message = str(error.value)
    assert "\n" not in message
    for part in (str(tmp_path), "`data_dir`", '`load("sample")`', "Network is unreachable"):
        assert part in message
