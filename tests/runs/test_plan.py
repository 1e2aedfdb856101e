from types import SimpleNamespace

import keras
import pytest

from keras_simmim.runs import RunConfig, RunError
from keras_simmim.runs import plan as plan_module
from keras_simmim.runs.plan import plan
from keras_simmim.runs.time_steps import StepTimes

DATA = SimpleNamespace(steps_per_pass=10, batches=lambda: None)
NOW = 1000.0


@pytest.fixture(autouse=True)
def still_clock(monkeypatch):
    monkeypatch.setattr(plan_module, "time", SimpleNamespace(monotonic=lambda: NOW))


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def test_epochs(model):
    config = RunConfig(epochs=7)
    plan(config, model, DATA, NOW)
    assert (config.total_steps, config.steps_per_epoch) == (70, 10)


def test_epochs_by_default(model):
    config = RunConfig()
    plan(config, model, DATA, NOW)
    assert config.epochs == 100 and config.total_steps == 1000


@pytest.mark.parametrize("steps, epochs", [(7, 1), (24, 2), (100, 10)])
def test_steps(model, steps, epochs):
    config = RunConfig(steps=steps)
    plan(config, model, DATA, NOW)
    assert config.total_steps == steps and config.steps_per_epoch == steps // epochs


@pytest.mark.parametrize(
    "minutes,look,expected",
    [
        (1.0, 0.0, 56 // 0.5),  # 60 s, less 4 s for compiling
        # Less the looks after epochs 1, 5, 10 and the last, and one to spare.
        (1.0, 1.0, 51 // 0.5),
        (0.11, 0.0, 5),  # less than an epoch
    ],
)
def test_minutes(monkeypatch, model, minutes, look, expected):
    monkeypatch.setattr(plan_module, "time_steps", lambda *_, **__: StepTimes(4.0, 0.5))
    config = RunConfig(minutes=minutes, knn_every=5)
    plan(config, model, DATA, NOW, StepTimes(look, look))
    assert config.total_steps % config.steps_per_epoch == 0
    assert expected * 0.85 <= config.total_steps <= expected


def test_too_few_minutes(monkeypatch, model):
    monkeypatch.setattr(plan_module, "time_steps", lambda *_, **__: StepTimes(4.0, 0.5))
    with pytest.raises(RunError, match="a step takes 0.50 s"):
        plan(RunConfig(minutes=0.05), model, DATA, NOW)
