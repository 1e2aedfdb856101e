import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

import keras_simmim
from keras_simmim.runs import RunConfig, RunError
from keras_simmim.runs.option_kinds import Integer, Number, Pair

FIELDS = {field.name: field.metadata["kind"] for field in dataclasses.fields(RunConfig)}
NUMBERS = [name for name, kind in FIELDS.items() if isinstance(kind, Integer | Number | Pair)]


def test_json_round_trip(tmp_path):
    config = RunConfig(data="cifar10", minutes=1.5, crop_scale=(0.3, 0.9), backend="jax")
    config.to_json(tmp_path / "config.json")
    assert RunConfig.from_json(tmp_path / "config.json") == config
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_no_file(tmp_path):
    with pytest.raises(RunError, match="is no run folder"):
        RunConfig.from_json(tmp_path / "config.json")


OUT_OF_RANGE = '{"seed": -1, "version": "0.2.0"}'


@pytest.mark.parametrize("text", ["{", "[]", "3", json.dumps({"unknown": 1}), OUT_OF_RANGE])
def test_not_a_configuration(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"config\.json can't be read"):
        RunConfig.from_json(tmp_path / "config.json")


def test_a_run_of_before_there_were_ranges_is_read_but_not_resumed(tmp_path):
    values = dataclasses.asdict(RunConfig())
    del values["version"]
    values |= {"step_rate": 2.0, "crop_scale": [0.3, 0.9]}
    (tmp_path / "config.json").write_text(json.dumps(values))
    config = RunConfig.from_json(tmp_path / "config.json")
    assert (config.step_rate, config.crop_scale) == (2.0, (0.3, 0.9))
    with pytest.raises(RunError, match="step_rate"):
        RunConfig.from_json(tmp_path / "config.json", to_resume=True)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, -math.inf, "1", True, [1, 2, 3]])
def test_numbers_that_cannot_be_meant(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        RunConfig(**{name: value})


def test_every_option_has_two_ends():
    for field in dataclasses.fields(RunConfig):
        if field.name in NUMBERS and "help" in field.metadata:
            for value in (10**12, 1e12, (1e12, 1e12)):
                with pytest.raises(ValueError, match=f"`{field.name}` must be"):
                    RunConfig(**{field.name: value})


@pytest.mark.parametrize(
    "name,value",
    [
        *(("method", "mae"), ("method", None), ("stem", "5x5"), ("whiten_stem", 1), ("data", 3)),
        *(("hue", 0.51), ("flip", 1.01), ("momentum", 1.0), ("crop_scale", (0.5, 0.2))),
        *(("crop_scale", (0.0, 1.0)), ("crop_scale", (0.5, 1.5)), ("mask_ratio", 1.0)),
        *(("minutes", 0), ("learning_rate", 0), ("batch_size", 8.0), ("seed", 2**31)),
        *(("hidden_dim", "wide"), ("backend", "mxnet"), ("stages", 5)),
    ],
)
def test_what_is_out_of_its_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        RunConfig(**{name: value})


def test_numbers_of_numpy_and_paths_become_pythons(tmp_path):
    config = RunConfig(
        data=Path("photos"),
        width=np.int64(4),
        flip=np.float32(0.5),
        crop_scale=np.array([0.25, 1.0]),
        whiten_stem=np.bool_(False),
    )
    config.to_json(tmp_path / "config.json")
    same = RunConfig(data="photos", width=4, flip=0.5, crop_scale=(0.25, 1.0), whiten_stem=False)
    assert RunConfig.from_json(tmp_path / "config.json") == config == same


def test_an_update_takes_no_more_batches_than_there_are():
    RunConfig(steps=50, gradient_accumulation=50)
    with pytest.raises(ValueError, match="no update is made. Received: gradient_accumulation=51"):
        RunConfig(steps=50, gradient_accumulation=51)


def test_a_configuration_says_of_which_version_it_is(tmp_path):
    path = tmp_path / "config.json"
    RunConfig().to_json(path)
    assert json.loads(path.read_text())["version"] == keras_simmim.__version__
    written = json.loads(path.read_text())
    path.write_text(json.dumps({**written, "version": "9.1", "horizon": 3}))
    with pytest.raises(RunError, match="by keras-simmim 9.1, .* does not know horizon: use that"):
        RunConfig.from_json(path)


def test_to_resume_nothing_may_be_missing(tmp_path):
    path = tmp_path / "config.json"
    RunConfig(width=8).to_json(path)
    written = json.loads(path.read_text())
    del written["warmup"], written["version"]
    path.write_text(json.dumps(written))
    assert RunConfig.from_json(path).width == 8
    with pytest.raises(RunError, match="0.1.0 or before, .* also has warmup: use that version"):
        RunConfig.from_json(path, to_resume=True)


def test_what_was_left_open_then_is_not_left_to_the_defaults_of_today(tmp_path):
    path = tmp_path / "config.json"
    RunConfig(optimizer="muon", encoder="resnet10").to_json(path)
    written = json.loads(path.read_text())
    assert RunConfig.from_json(path).learning_rate is None  # not planned yet
    del written["version"]
    path.write_text(json.dumps(written))
    old = RunConfig.from_json(path)
    assert (old.learning_rate, old.width, old.stem) == (4e-3, 32, "3x3/2")
    # Given again as it was given, or as what it was.
    assert old.differences({"learning_rate": 4e-3, "stem": "auto", "precision": "auto"}) is None
    assert old.differences({"stem": "3x3"}) == ("stem = 3x3/2", "stem = 3x3")
