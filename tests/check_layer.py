"""What every layer and model of the package must do, checked in one place."""

import inspect
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras_calls import check_export, check_keras_calls


def check_layer(
    make,
    inputs,
    output_shape,
    *,
    call_kwargs=None,
    output_dtype=None,
    policies=("float32", "mixed_bfloat16", "float64"),
    deterministic=True,
    tolerance=1e-5,
):
    """Checks configuration, shapes, precisions, saving, jit and an unknown batch size.

    Args:
        make: makes a fresh layer or model; called again under each dtype policy.
        inputs: NumPy array, batch first.
        output_shape: expected shape of the output, batch first.
        call_kwargs: further keyword arguments of the call.
        output_dtype: expected dtype under every policy; None: the layer's compute dtype.
        policies: the global dtype policies to run under.
        deterministic: whether two calls on the same inputs give the same output.
        tolerance: absolute tolerance of comparisons that need not be exact.
    """
    call_kwargs = call_kwargs or {}
    initial_policy = keras.config.dtype_policy()
    try:
        for policy in policies:
            keras.config.set_dtype_policy(policy)
            layer = make()
            outputs = layer(inputs, **call_kwargs)
            assert tuple(outputs.shape) == tuple(output_shape)
            expected_dtype = output_dtype or layer.compute_dtype
            # Keras computes some operations in float32 even so: on JAX all, on torch many.
            allowed = {"float64": ("float64", "float32")}.get(expected_dtype, (expected_dtype,))
            assert keras.backend.standardize_dtype(outputs.dtype) in allowed
            assert np.all(np.isfinite(keras.ops.convert_to_numpy(outputs).astype("float32")))
            _check_compute_output_shape(layer, inputs, output_shape)
            _check_config(layer)
    finally:
        keras.config.set_dtype_policy(initial_policy)
    layer = make()
    outputs = keras.ops.convert_to_numpy(layer(inputs, **call_kwargs)).astype("float32")
    if deterministic:
        again = keras.ops.convert_to_numpy(layer(inputs, **call_kwargs)).astype("float32")
        np.testing.assert_array_equal(outputs, again)
    _check_compiled(layer, inputs, outputs, call_kwargs, deterministic, tolerance)


def _check_compute_output_shape(layer, inputs, output_shape):
    assert tuple(layer.compute_output_shape(inputs.shape)) == tuple(output_shape)
    if output_shape and output_shape[0] == inputs.shape[0]:
        unknown = layer.compute_output_shape((None, *inputs.shape[1:]))
        assert tuple(unknown) == (None, *output_shape[1:])


def _check_config(layer):
    """The configuration is JSON-ready and makes a layer with the same configuration."""
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"].startswith("keras_simmim>"), config["registered_name"]
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    check_arguments(layer)


def check_arguments(layer):
    """Every argument of the class is in the configuration: one that is not is lost when saved."""
    parameters = inspect.signature(type(layer).__init__).parameters.values()
    named = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"self"}
    assert named <= set(layer.get_config()), named - set(layer.get_config())


def _check_compiled(layer, inputs, outputs, call_kwargs, deterministic, tolerance):
    """In a functional graph of unknown batch size, compiled, saved and loaded again."""
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    symbolic = keras.Input(inputs.shape[1:], dtype=dtype)
    model = keras.Model(symbolic, layer(symbolic, **call_kwargs))
    # predict compiles with jit on TensorFlow and JAX; torch runs eagerly.
    model.compile(jit_compile=keras.backend.backend() != "torch")
    predicted = model.predict_on_batch(inputs)
    assert predicted.shape == outputs.shape
    if predicted.shape and predicted.shape[0] == inputs.shape[0]:
        assert model.predict_on_batch(inputs[:1]).shape == (1, *outputs.shape[1:])
    if deterministic:
        np.testing.assert_allclose(
            predicted.astype("float32"), outputs, atol=tolerance, rtol=tolerance
        )
    check_keras_calls(model)
    # Keras can't export what draws at random under torch, and some linear algebra under JAX.
    if deterministic and keras.backend.backend() == "tensorflow":
        with tempfile.TemporaryDirectory() as folder:
            check_export(model, inputs, Path(folder))
    reloaded = _save_and_load(model)
    assert [w.shape for w in reloaded.weights] == [w.shape for w in model.weights]
    if deterministic:
        reloaded.compile(jit_compile=keras.backend.backend() != "torch")
        np.testing.assert_allclose(
            reloaded.predict_on_batch(inputs).astype("float32"),
            predicted.astype("float32"),
            atol=tolerance,
            rtol=tolerance,
        )


def _save_and_load(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return keras.saving.load_model(path)
