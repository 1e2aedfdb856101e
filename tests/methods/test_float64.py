"""Methods under float64, by policy and by Keras's default of floats.

Encoders compute in it as far as Keras does: on TensorFlow throughout, on torch in part, on JAX in
float32 unless JAX is told to have float64. Views, embeddings and losses are float32 as always.
"""

import keras
import numpy as np
import pytest
from small_methods import METHODS, some_images

import keras_simmim as ks

pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64")


@pytest.fixture(params=["policy", "floatx"])
def in_float64(request):
    """By `set_dtype_policy`, or by `set_floatx`, which sets the policy too where none was set."""
    keras.config.set_dtype_policy("float64")
    if request.param == "floatx":
        keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def test_life_cycle(in_float64, tmp_path):
    images, labels = some_images(), np.arange(12) % 3
    model = METHODS["SimMIM"](online_probe=ks.heads.OnlineProbe(3))
    model.compile()
    history = model.fit(
        images, labels, batch_size=6, verbose=0, validation_data=(images[:6], labels[:6])
    )
    assert all(np.isfinite(values[0]) for values in history.history.values())
    dtypes = {keras.backend.standardize_dtype(w.dtype) for w in model.encoder.weights}
    assert dtypes == {"float64"}
    features = model.predict(images, verbose=0)
    assert features.dtype == "float32" and np.isfinite(features).all()
    np.testing.assert_allclose(ks.evaluation.embed(model, images), features, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), features, atol=1e-6)


@pytest.mark.parametrize("in_float64", ["floatx"], indirect=True)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains(in_float64, name):
    model = METHODS[name]()
    model.compile()
    history = model.fit(some_images(), batch_size=6, verbose=0)
    assert all(np.isfinite(values[0]) for values in history.history.values())


@pytest.mark.parametrize("in_float64", ["floatx"], indirect=True)
@pytest.mark.parametrize("optimizer", [ks.optimizers.Muon, ks.optimizers.LARS])
def test_every_optimizer_trains(in_float64, optimizer):
    model = METHODS["SimCLR"]()
    model.compile(optimizer=optimizer(1e-3))
    assert np.isfinite(model.fit(some_images(), batch_size=6, verbose=0).history["loss"][0])
