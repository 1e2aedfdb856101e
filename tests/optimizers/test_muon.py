import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from properties import compiled, normal, seeds

from keras_simmim.optimizers import Muon
from keras_simmim.optimizers.muon import orthogonalize


def test_orthogonalize_keeps_the_directions_and_evens_the_lengths():
    rng = np.random.default_rng(0)
    for shape in ((27, 8), (8, 27), (16, 16)):
        u, _, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
        lengths = np.geomspace(0.02, 1, min(shape))
        matrix = ((u * lengths) @ v).astype("float32")
        for dtype, tolerance in (("float32", 1e-4), ("bfloat16", 0.05)):
            result = ops.convert_to_numpy(orthogonalize(ops.convert_to_tensor(matrix), dtype))
            turned = u.T @ result @ v.T
            evened = np.diag(turned)
            assert 0.65 < evened.min() and evened.max() < 1.25
            np.testing.assert_allclose(turned, np.diag(evened), atol=tolerance)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1e-6, 1.0, 1e6]), seeds)
def test_of_any_matrix_the_greatest_length_becomes_about_1(rows, columns, scale, seed):
    matrix = normal((rows, columns), seed, scale)
    result = compiled(orthogonalize)(matrix)
    assert result.shape == matrix.shape
    lengths = np.linalg.svd(result, compute_uv=False)
    assert lengths.max() < 1.25 and lengths[0] > 0.65
    np.testing.assert_allclose(compiled(orthogonalize)(-matrix), -result, atol=1e-5)


class Reference:
    """Muon or Adam of one variable in NumPy, from the formulas."""

    def __init__(self, w, kernel, decay=0.0):
        self.w = w.astype("float64")
        self.m, self.s = np.zeros_like(self.w), np.zeros_like(self.w)
        self.kernel, self.decay, self.count = kernel, decay, 0

    def step(self, gradient, rate):
        g = gradient.astype("float64")
        self.w *= 1 - rate * self.decay
        self.count += 1
        if not self.kernel:
            self.m = 0.9 * self.m + 0.1 * g
            self.s = 0.999 * self.s + 0.001 * g**2
            mean, square = self.m / (1 - 0.9**self.count), self.s / (1 - 0.999**self.count)
            self.w -= rate * mean / (np.sqrt(square) + 1e-7)
            return
        self.m = 0.95 * self.m + g
        x = (0.95 * self.m + g).reshape(-1, g.shape[-1])
        x = x / np.linalg.norm(x)
        u, lengths, v = np.linalg.svd(x, full_matrices=False)
        for _ in range(5):
            lengths = 3.4445 * lengths - 4.7750 * lengths**3 + 2.0315 * lengths**5
        self.w -= rate * max(x.shape) ** 0.5 * ((u * lengths) @ v).reshape(g.shape)


SHAPES = {
    "kernel": (6, 4),
    "conv/kernel": (3, 3, 2, 5),
    "stack/kernel": (2, 3, 4),
    "bias": (4,),
    "table": (5, 3),
}
KERNELS = ("kernel", "conv/kernel")


def some_variables():
    rng = np.random.default_rng(0)
    return {
        name: keras.Variable(rng.normal(size=shape).astype("float32"), name=name.split("/")[-1])
        for name, shape in SHAPES.items()
    }


@pytest.mark.parametrize("decay", [None, 0.1])
def test_is_the_formula(decay):
    variables = some_variables()
    muon = Muon(0.02, weight_decay=decay)
    muon.exclude_from_weight_decay(var_names=["bias"])
    references = {
        name: Reference(
            ops.convert_to_numpy(v), name in KERNELS, 0.0 if name == "bias" else decay or 0.0
        )
        for name, v in variables.items()
    }
    rng = np.random.default_rng(1)
    for _ in range(4):
        gradients = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
        muon.apply(
            [ops.convert_to_tensor(g.astype("float32")) for g in gradients.values()],
            list(variables.values()),
        )
        for name, gradient in gradients.items():
            references[name].step(gradient, 0.02)
    for name, variable in variables.items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(variable), references[name].w, rtol=1e-3, atol=1e-4
        )


def test_a_step_is_as_long_as_adams():
    """Root mean square about the learning rate, whatever the shape and the gradient's size."""
    for shape in ((8, 8), (100, 10), (3, 3, 16, 64)):
        kernel = keras.Variable(np.zeros(shape, "float32"), name="kernel")
        gradient = 1e-3 * np.random.default_rng(0).normal(size=shape).astype("float32")
        Muon(0.01).apply([ops.convert_to_tensor(gradient)], [kernel])
        length = np.sqrt(np.mean(ops.convert_to_numpy(kernel) ** 2))
        assert 0.007 < length < 0.012


def small_model(**kwargs):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) * 0.1 for w in model.get_weights()])
    model.compile(optimizer=Muon(0.01, **kwargs), loss="mean_squared_error")
    return model


def fit(model, **kwargs):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(16, 6, 6, 2)), rng.normal(size=(16, 3))
    return model.fit(x, y, shuffle=False, verbose=0, **kwargs)


def test_learns():
    losses = fit(small_model(), epochs=20, batch_size=16).history["loss"]
    assert losses[-1] < 0.2 * losses[0]


def test_gradient_accumulation_is_a_larger_batch():
    weights = []
    for batch_size, steps in ((8, None), (4, 2)):
        model = small_model(gradient_accumulation_steps=steps)
        fit(model, batch_size=batch_size, epochs=2)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)


def test_a_saved_model_trains_on_alike(tmp_path):
    model = small_model(weight_decay=0.1)
    fit(model, batch_size=8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is Muon
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, loaded):
        fit(each, batch_size=8)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_iterates_in_bfloat16_under_a_policy_that_computes_in_it():
    assert Muon().newton_schulz_dtype == "float32"
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert Muon().newton_schulz_dtype == "bfloat16"
    assert Muon(newton_schulz_dtype="float32").newton_schulz_dtype == "float32"


@pytest.mark.parametrize("wrong", [{"momentum": 1.0}, {"beta_2": -0.1}, {"epsilon": 0}])
def test_bad_arguments(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"Received: .*{name}={value}"):
        Muon(**wrong)
