"""What Keras calls on any model, tried on a model of ours, whatever it is."""

import copy
import json
import pickle
import warnings

import keras
import numpy as np

# What Keras exports to by each backend, and the file's name. (Keras 3.15.1 writes no SavedModel
# under torch 2.13, of its own models neither.)
_EXPORT = {
    "tensorflow": ("tf_saved_model", "exported"),
    "jax": ("tf_saved_model", "exported"),
    "torch": ("torch", "exported.pt2"),
}


def check_keras_calls(model, inputs=None):
    """Checks summaries, copies, JSON, pickle, layers by name and the number of parameters.

    Args:
        model: a built `keras.Model`.
        inputs: NumPy array; copies must make of it what the model makes. None: their weights are
            compared alone.
    """
    lines = []
    model.summary(print_fn=lambda text, **options: lines.append(text))
    assert model.name in "\n".join(lines)
    nested = []
    model.summary(expand_nested=True, print_fn=lambda text, **options: nested.append(text))
    assert len("\n".join(nested)) >= len("\n".join(lines))
    _check_plot(model)
    count = sum(int(np.prod(weight.shape)) for weight in model.weights)
    assert model.count_params() == count
    for index, layer in enumerate(model.layers):
        assert model.get_layer(layer.name) is layer
        assert model.get_layer(index=index) is layer

    # Keras 3.15.1 clones a class of functional models as a functional model.
    clone = keras.models.clone_model(model)
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    again = keras.models.model_from_json(model.to_json())
    assert type(again) is type(model)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert _config(again) == _config(model)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(again) is type(model)
        for a, b in zip(model.weights, again.weights, strict=True):
            assert a is not b
            np.testing.assert_array_equal(_array(a), _array(b))
        if inputs is not None:
            np.testing.assert_array_equal(
                _array(again(inputs)).astype("float32"), _array(model(inputs)).astype("float32")
            )


def check_export(model, inputs, folder):
    """Checks that `model.export` writes a file which computes what the model computes.

    Args:
        model: a built `keras.Model` that is deterministic.
        inputs: NumPy array, batch first.
        folder: an empty folder.
    """
    form, name = _EXPORT[keras.backend.backend()]
    path = folder / name
    if form == "torch":
        inputs = inputs[:1]  # Keras fixes the batch there
    expected = _array(model(inputs)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters' own
        model.export(path, format=form, verbose=False)
    if form == "torch":
        import torch

        outputs = torch.export.load(path).module()(torch.as_tensor(inputs)).detach().numpy()
    else:
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))  # its function needs it to stay
        outputs = loaded.serve(tf.constant(inputs)).numpy()
    np.testing.assert_allclose(outputs.astype("float32"), expected, rtol=1e-4, atol=1e-4)


def _check_plot(model):
    try:
        import pydot  # noqa: F401
    except ImportError:
        return
    if keras.utils.model_to_dot(model) is None:
        raise AssertionError("Keras draws nothing of this model.")


def _config(model):
    """Returns a configuration as text, in which tuples are lists."""
    config = model.get_config()
    if "layers" in config:
        # `clone_model` gives inputs other names.
        layers = [each for each in model.layers if not isinstance(each, keras.layers.InputLayer)]
        config = [layer.get_config() for layer in layers]
    return json.dumps(config, default=str)


def _array(x):
    return keras.ops.convert_to_numpy(x)
