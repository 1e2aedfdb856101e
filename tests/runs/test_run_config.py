import json

import pytest

from keras_simmim.runs import RunConfig, RunError


def test_json_round_trip(tmp_path):
    config = RunConfig(data="cifar10", minutes=1.5, crop_scale=(0.3, 0.9), backend="jax")
    config.to_json(tmp_path / "config.json")
    assert RunConfig.from_json(tmp_path / "config.json") == config
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_no_file(tmp_path):
    with pytest.raises(RunError, match="is no run folder"):
        RunConfig.from_json(tmp_path / "config.json")


@pytest.mark.parametrize("text", ["{", json.dumps({"unknown": 1})])
def test_not_a_configuration(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"config\.json can't be read"):
        RunConfig.from_json(tmp_path / "config.json")
