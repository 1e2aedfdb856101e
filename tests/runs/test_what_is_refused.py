"""What `pretrain` refuses, before anything is spent and with nothing left on the disk."""

import importlib
import math

import keras
import pytest

from keras_simmim.runs import RunConfig, RunError, pretrain
from keras_simmim.runs.run_data import RunData

pretrain_module = importlib.import_module("keras_simmim.runs.pretrain")


def test_does_not_write_over_a_run(small_data, small_config, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RunError, match="holds a run already"):
        pretrain(small_config, tmp_path)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"data": "imagenet"}, "imagenet"),
        ({"batch_size": 64}, "fewer images than one batch"),
        ({"crop_scale": (0.9, 0.2)}, "crop_scale"),
        ({"temperature": 0.0}, "temperature"),
        # Views of 8 px suit it, images of 12 don't.
        ({"encoder": "vit", "width": 12, "patch_size": 8, "view_size": 8}, "can't take images"),
        ({"method": "mim", "width": 12, "mask_unit": 8, "view_size": 8}, "multiple"),
        ({"gradient_accumulation": 9}, "no update is made. .*gradient_accumulation=9, 8 steps"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"steps": 9}, "`epochs` and `steps` exclude each other"),
    ],
)
def test_what_cannot_be_run_is_said_first(request, small_config, tmp_path, changes, message):
    if "data" not in changes:
        request.getfixturevalue("small_data")
    for name, value in changes.items():
        setattr(small_config, name, value)
    with pytest.raises(RunError, match=message):
        pretrain(small_config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"method": "byol", "head": "attention"}, "head=attention"),
        ({"method": "mim", "encoder": "resnet10"}, "encoder=resnet10"),
        ({"encoder": "vit", "width": 10}, "width"),
        ({"method": "mim", "patch_size": 4, "mask_unit": 6, "width": 12}, "multiple"),
        ({"minutes": math.nan, "epochs": None}, "minutes"),
    ],
)
def test_what_contradicts_itself_is_said_before_data_is_read(
    small_config, tmp_path, monkeypatch, changes, message
):
    monkeypatch.setattr(RunData, "load", lambda config: 1 / 0)
    for name, value in changes.items():
        setattr(small_config, name, value)
    with pytest.raises(RunError, match=message):
        pretrain(small_config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_planned_leaves_no_folder(small_data, small_config, tmp_path, monkeypatch):
    def plan(*args):
        raise RunError("minutes are spent")

    monkeypatch.setattr(pretrain_module, "plan", plan)
    with pytest.raises(RunError, match="minutes are spent"):
        pretrain(small_config, tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("output", ["file", "file/run", "file/runs/run"])
def test_where_no_folder_can_be_is_said_before_data_is_read(
    small_config, tmp_path, monkeypatch, output
):
    monkeypatch.setattr(RunData, "load", lambda config: 1 / 0)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="Nothing can be written to .*: .*is a file"):
        pretrain(small_config, tmp_path / output)
    with pytest.raises(RunError, match="nothing can be written into /proc"):
        pretrain(small_config, pretrain_module.Path("/proc/run"))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_is_resumed_as_it_was_set_up(small_config, tmp_path, monkeypatch):
    class LoadedError(Exception):
        pass

    def load(config):
        raise LoadedError

    monkeypatch.setattr(RunData, "load", load)
    small_config.to_json(tmp_path / "config.json")
    for same in (RunConfig(), RunConfig(width=2, precision="float32")):
        with pytest.raises(LoadedError):
            pretrain(same, tmp_path, resume=True)
        assert same.embedding_dim == 4
    with pytest.raises(RunError, match="was set up with width = 2, .*Received: width = 3"):
        pretrain(RunConfig(width=3), tmp_path, resume=True)
    small_config.backend = {"torch": "jax"}.get(keras.backend.backend(), "torch")
    small_config.to_json(tmp_path / "config.json")
    with pytest.raises(RunError, match="Received: backend = "):
        pretrain(small_config, tmp_path, resume=True)
