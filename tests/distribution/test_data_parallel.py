"""What can be told without several devices: what is refused, and what is warned of."""

import warnings

import keras
import pytest
from small_methods import METHODS, small_head, some_images, splitter

import keras_simmim as ks
from keras_simmim import backend


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="processes are torch's way")
@pytest.mark.parametrize(
    "devices,message",
    [(2, "torchrun --nproc-per-node=2.*devices=2"), (0, "Received: devices=0"), (["a"], "'auto'")],
)
def test_processes_that_nobody_started(devices, message):
    with pytest.raises(ValueError, match=message):
        ks.distribution.data_parallel(devices).__enter__()


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="names are the others' way")
def test_devices_that_are_not_there():
    with pytest.raises(ValueError, match="(?i)'auto'.*cpu:0.*Received.*gpu:7"):
        ks.distribution.data_parallel(["gpu:7"]).__enter__()


def test_one_device_trains_as_without():
    losses = []
    for context in (None, ks.distribution.data_parallel(1)):
        keras.utils.set_random_seed(0)
        with context or warnings.catch_warnings():
            assert ks.distribution.device_count() == 1 and ks.distribution.is_chief()
            model = METHODS["SimCLR"]()
            model.compile("sgd")
            losses += model.fit(some_images(), verbose=0).history["loss"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert ks.distribution.device_count() == 1


def test_a_method_trains_where_it_was_made(monkeypatch):
    outside = METHODS["SimCLR"]()
    outside.compile("sgd")
    monkeypatch.setattr(backend, "engine", object)
    inside = METHODS["SimCLR"]()
    inside.compile("sgd")
    with pytest.raises(ValueError, match="data_parallel.*made on one device, used for several"):
        outside.fit(some_images(), verbose=0)
    # Each call is another engine.
    with pytest.raises(ValueError, match="made for several devices, used for others"):
        inside.evaluate(some_images(), verbose=0)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="made for several devices, used on one device"):
        inside.fit(some_images(), verbose=0)


def test_fewer_images_than_devices_are_refused(monkeypatch):
    model = METHODS["SimCLR"]()
    model.compile("sgd")
    monkeypatch.setattr(backend, "device_count", lambda: 8)
    with pytest.raises(ValueError, match="Received: batch_size=4, 8 devices"):
        model.fit(some_images(), batch_size=4, verbose=0)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="others need no such gradient")
def test_torch_names_weights_without_a_gradient():
    layer = keras.layers.Dense(2, name="unused")
    layer.build((None, 3))
    with pytest.raises(ValueError, match="Received: unused/kernel, unused/bias"):
        METHODS["SimCLR"]()._check_gradients(layer.trainable_weights)


def test_foreign_batch_norm_is_named(monkeypatch):
    monkeypatch.setattr(backend, "batch_is_split", lambda: True)
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3)]
    for norm in (keras.layers.BatchNormalization(name="theirs"), ks.encoders.BatchNorm(name="own")):
        model = ks.SimCLR(keras.Sequential([*layers, norm]), splitter(), small_head())
        model.compile("sgd")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(some_images(), verbose=0)
        said = [str(w.message) for w in caught if "statistics" in str(w.message)]
        assert [("'theirs'" in message) for message in said] == ([True] * (norm.name == "theirs"))
