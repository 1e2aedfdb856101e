import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from properties import normal, seeds

from keras_simmim.optimizers import LARS


class Reference:
    """LARS of one variable in NumPy, from the formula."""

    def __init__(self, w, momentum=0.9, decay=0.0, trust=1e-3, nesterov=False, excluded=False):
        self.w = w.astype("float64")
        self.v = np.zeros_like(self.w)
        self.momentum, self.decay, self.trust = momentum, decay, trust
        self.nesterov, self.excluded = nesterov, excluded

    def step(self, gradient, rate):
        u, ratio = gradient.astype("float64"), 1.0
        if not self.excluded:
            u = u + self.decay * self.w
            length, update_length = np.sqrt((self.w**2).sum()), np.sqrt((u**2).sum())
            if length > 0 and update_length > 0:
                ratio = self.trust * length / update_length
        self.v = self.momentum * self.v + rate * ratio * u
        self.w -= self.momentum * self.v + rate * ratio * u if self.nesterov else self.v


def kernel_and_bias():
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 4)), rng.normal(size=4)
    return [
        keras.Variable(kernel.astype("float32"), name="kernel"),
        keras.Variable(bias.astype("float32"), name="bias"),
    ]


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    *(st.floats(0.01, 1.0), st.floats(0.0, 0.9), st.floats(0.0, 0.5)),
    *(st.booleans(), st.sampled_from([1e-6, 1.0, 1e6]), seeds),
)
def test_of_any_shape_it_is_the_formula(shape, rate, momentum, decay, nesterov, scale, seed):
    variable = keras.Variable(normal(shape, seed), name="kernel")
    reference = Reference(ops.convert_to_numpy(variable), momentum, decay, 0.01, nesterov)
    lars = LARS(rate, momentum, decay, trust_coefficient=0.01, nesterov=nesterov)
    for step in range(2):
        gradient = normal(shape, [seed, step], scale)
        lars.apply([ops.convert_to_tensor(gradient)], [variable])
        reference.step(gradient, rate)
    np.testing.assert_allclose(ops.convert_to_numpy(variable), reference.w, rtol=1e-4, atol=1e-6)


def check(variables, references):
    for variable, reference in zip(variables, references, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(variable), reference.w, rtol=2e-5)


@pytest.mark.parametrize("decay, nesterov", [(0.0, False), (0.1, False), (0.1, True)])
@pytest.mark.parametrize("exclude", [False, True])
def test_is_the_formula(decay, nesterov, exclude):
    variables = kernel_and_bias()
    settings = {"momentum": 0.8, "decay": decay, "trust": 0.02, "nesterov": nesterov}
    references = [
        Reference(ops.convert_to_numpy(v), excluded=exclude and v.name == "bias", **settings)
        for v in variables
    ]
    lars = LARS(0.5, 0.8, weight_decay=decay, trust_coefficient=0.02, nesterov=nesterov)
    if exclude:
        lars.exclude_from_weight_decay(var_names=["bias", "beta"])
    rng = np.random.default_rng(1)
    for _ in range(5):
        gradients = [rng.normal(size=v.shape).astype("float32") for v in variables]
        lars.apply([ops.convert_to_tensor(g) for g in gradients], variables)
        for reference, gradient in zip(references, gradients, strict=True):
            reference.step(gradient, 0.5)
    check(variables, references)


def test_excludes_given_variables():
    kernel, bias = kernel_and_bias()
    lars = LARS(0.5, weight_decay=0.1)
    lars.exclude_from_weight_decay(var_list=[bias])
    reference = Reference(ops.convert_to_numpy(bias), excluded=True)
    ones = [np.ones(v.shape, "float32") for v in (kernel, bias)]
    lars.apply([ops.convert_to_tensor(g) for g in ones], [kernel, bias])
    reference.step(ones[1], 0.5)
    check([bias], [reference])
    with pytest.raises(ValueError, match="exclude variables before training"):
        lars.exclude_from_weight_decay(var_names=["bias"])


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_zero_weights_and_zero_gradients(decay):
    values = [np.zeros(3, "float32"), np.ones(3, "float32"), np.zeros(3, "float32")]
    gradients = [np.ones(3, "float32"), np.zeros(3, "float32"), np.zeros(3, "float32")]
    variables = [keras.Variable(value) for value in values]
    references = [Reference(value, decay=decay) for value in values]
    lars = LARS(0.5, weight_decay=decay)
    for _ in range(2):
        lars.apply([ops.convert_to_tensor(g) for g in gradients], variables)
        for reference, gradient in zip(references, gradients, strict=True):
            reference.step(gradient, 0.5)
    check(variables, references)


def linear_model(optimizer):
    dense = keras.layers.Dense(2, use_bias=False)
    model = keras.Sequential([keras.Input((3,)), dense])
    model.set_weights([np.random.default_rng(0).normal(size=(3, 2)).astype("float32")])
    jit = keras.backend.backend() != "torch"
    model.compile(optimizer=optimizer, loss="mean_squared_error", jit_compile=jit)
    return model


def linear_data(count):
    rng = np.random.default_rng(2)
    return rng.normal(size=(count, 3)).astype("float32"), rng.normal(size=(count, 2))


def gradient(w, x, y):
    return 2 * x.T @ (x @ w - y) / y.size


def test_compiled_fit_with_a_schedule():
    rates = [0.5, 0.5, 2.0, 2.0]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.5, 2.0])
    model = linear_model(LARS(schedule, weight_decay=0.01, trust_coefficient=0.05))
    reference = Reference(model.get_weights()[0], decay=0.01, trust=0.05)
    x, y = linear_data(16)
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for i, rate in enumerate(rates):
        batch = slice(4 * i, 4 * i + 4)
        reference.step(gradient(reference.w, x[batch], y[batch]), rate)
    check(model.weights, [reference])


def test_gradient_accumulation_is_a_larger_batch():
    x, y = linear_data(16)
    weights = []
    for batch_size, steps in ((8, None), (4, 2)):
        lars = LARS(0.5, weight_decay=0.01, gradient_accumulation_steps=steps)
        model = linear_model(lars)
        model.fit(x, y, batch_size=batch_size, epochs=2, shuffle=False, verbose=0)
        weights.append(model.get_weights()[0])
    np.testing.assert_allclose(*weights, rtol=1e-5)


@pytest.mark.parametrize("by", ["var_names", "var_list"])
def test_a_saved_model_trains_on_alike(tmp_path, by):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    lars = LARS(0.5, weight_decay=0.1, trust_coefficient=0.1, name="slow")
    chosen = {"var_names": ["bias"], "var_list": [model.layers[0].bias]}
    lars.exclude_from_weight_decay(**{by: chosen[by]})
    model.compile(optimizer=lars, loss="mean_squared_error")
    x, y = linear_data(8)
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is LARS
    assert loaded.optimizer.get_config() == lars.get_config()
    assert loaded.optimizer.excluded == (False, True)
    for each in (model, loaded):
        each.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_config_names_no_framework():
    lars = LARS(keras.optimizers.schedules.CosineDecay(0.3, 100), nesterov=True, momentum=0.5)
    config = keras.saving.serialize_keras_object(lars)
    assert config["registered_name"] == "keras_simmim>LARS"
    assert config["module"] == "keras_simmim.optimizers.lars"
    assert keras.saving.deserialize_keras_object(config).get_config() == lars.get_config()


@pytest.mark.parametrize("wrong", [{"momentum": 1.5}, {"weight_decay": -1}])
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match="Received: "):
        LARS(0.1, **wrong)
    with pytest.raises(ValueError, match="trust_coefficient=0$"):
        LARS(0.1, trust_coefficient=0)
