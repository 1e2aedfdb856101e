import dataclasses
import importlib

import keras
import pytest

from keras_simmim.runs import RunConfig, pretrain
from keras_simmim.runs.build import build_method
from keras_simmim.runs.defaults import fill_in
from keras_simmim.runs.defaults_of_0_1_0 import fill_in_as_0_1_0

pretrain_module = importlib.import_module("keras_simmim.runs.pretrain")
# Those for which None says something: nothing of the kind was given.
MAY_BE_NONE = {"data_dir", "test_data", "minutes", "epochs", "steps"}


def check_resolved(config):
    """Nothing is left to a default."""
    for field in dataclasses.fields(RunConfig):
        if field.name not in MAY_BE_NONE:
            assert getattr(config, field.name) not in (None, "auto"), field.name
    assert (config.epochs is None) != (config.steps is None)
    assert config.total_steps > 0 and config.steps_per_epoch > 0


class WrittenError(Exception):
    pass


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("method", RunConfig.choices("method"))
def test_all_that_is_written_has_a_value(monkeypatch, image_folder, tmp_path, method, size):
    def build_small(config, images):
        fill_in(config, images.shape[1])
        width = 12 if method == "mim" else 2
        return build_method(RunConfig(method=method, width=width, vit_depth=1), images)

    def train(*args):
        raise WrittenError

    monkeypatch.setattr(pretrain_module, "build_method", build_small)
    monkeypatch.setattr(pretrain_module, "train", train)
    config = RunConfig(data=str(image_folder), method=method, image_size=size, batch_size=4)
    with pytest.raises(WrittenError):
        pretrain(config, tmp_path / "run")
    written = RunConfig.from_json(tmp_path / "run/config.json", to_resume=True)
    assert written == config
    check_resolved(written)
    assert written.epochs == 100 and written.backend == keras.backend.backend()
    assert written.view_size == size


@pytest.mark.parametrize(
    "given,expected",
    [
        ({}, (32, "3x3/2", 4, 8, 4e-3)),
        ({"data": "photos"}, (64, "7x7/4", 16, 32, 4e-3)),
        ({"data": "photos", "view_size": 32}, (32, "3x3/2", 4, 8, 4e-3)),
        ({"encoder": "vit"}, (128, "3x3/2", 4, 8, 1e-3)),
        ({"encoder": "vit", "data": "photos", "patch_size": 8}, (192, "7x7/4", 8, 16, 1e-3)),
        ({"method": "simclr"}, (32, "3x3/2", 4, 8, 8e-3)),
        (
            {"optimizer": "sgd", "batch_size": 64, "gradient_accumulation": 2},
            (32, "3x3/2", 4, 8, 0.1),
        ),
        (
            {"width": 5, "stem": "3x3", "mask_unit": 12, "learning_rate": 0.5},
            (5, "3x3", 4, 12, 0.5),
        ),
    ],
)
def test_what_0_1_0_left_open(given, expected):
    """These were its defaults, whatever today's are."""
    config = RunConfig(**{"encoder": "resnet10", "optimizer": "muon", **given})
    fill_in_as_0_1_0(config)
    found = (config.width, config.stem, config.patch_size, config.mask_unit, config.learning_rate)
    assert found == expected
    assert config.hidden_dim == "features"
    assert config.view_size == given.get("view_size")


def test_features_is_as_wide_as_the_features():
    config = RunConfig(width=4, stages=2, head="attention", encoder="resnet10")
    images = keras.ops.convert_to_numpy(keras.ops.zeros((2, 32, 32, 3)))
    model = build_method(config, images)
    assert config.hidden_dim == "features"
    hidden = [head.hidden_kernel.shape[-1] for head in (model.head, *model.inner_heads.values())]
    assert hidden == [32, 16]
