import numpy as np
import pytest
from PIL import Image

from keras_simmim.runs import RunConfig, pretrain, run_data


def _load(name, split="train", data_dir=None):
    count = {"train": 40, "test": 12}[split]
    rng = np.random.default_rng(count)
    labels = np.arange(count) % 2
    images = rng.integers(0, 128, (count, 12, 12, 3)) + 100 * labels[:, None, None, None]
    return images.astype("uint8"), labels


def _config():
    return RunConfig(
        data="sample",
        # 8 % of an image of 12 px is 3 px wide: too little to learn from in 8 steps.
        crop_scale=(0.2, 1.0),
        width=2,
        num_heads=2,
        embedding_dim=4,
        batch_size=20,
        epochs=4,
        knn_every=2,
        precision="float32",
        deterministic=True,
    )


@pytest.fixture
def small_data(monkeypatch):
    """Stands in for the bundled sample: 40 training and 12 test images of 12 px in 2 classes."""
    monkeypatch.setattr(run_data.datasets, "load", _load)


@pytest.fixture
def small_config():
    """A run of two steps an epoch that takes seconds."""
    return _config()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The folder of a run of `small_config` on `small_data`."""
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_data.datasets, "load", _load)
        pretrain(_config(), run)
    return run


@pytest.fixture
def image_folder(tmp_path):
    """Two classes of six images each, of various sizes."""
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(6):
            pixels = rng.integers(0, 256, (20 + index, 30, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{index}.png")
    return tmp_path / "images"
