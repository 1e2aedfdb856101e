import keras
import numpy as np
import pytest
from gradient import gradient_by_sgd
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, normal, seeds

from keras_simmim.losses import MaskedL1


def naive_masked_l1(reconstruction, target, patch_mask):
    """The formula of the docstring, one pixel at a time, in float64."""
    batch, height, width, channels = target.shape
    total, masked = 0.0, 0
    for n in range(batch):
        for row in range(height):
            for column in range(width):
                patch_row = row * patch_mask.shape[1] // height
                patch_column = column * patch_mask.shape[2] // width
                if patch_mask[n, patch_row, patch_column]:
                    masked += 1
                    for c in range(channels):
                        total += abs(
                            float(target[n, row, column, c])
                            - float(reconstruction[n, row, column, c])
                        )
    return total / (masked + 1e-5) / channels


def random_inputs(rows=3, columns=2, channels=3):
    rng = np.random.default_rng(0)
    reconstruction, target = rng.normal(size=(2, 4, 6, 8, channels)).astype("float32")
    return reconstruction, target, rng.random((4, rows, columns)) < 0.6


@pytest.mark.parametrize(
    ("rows", "columns", "channels"), [(3, 2, 3), (6, 8, 3), (2, 4, 1), (1, 1, 5)]
)
def test_value_is_that_of_the_naive_loop(rows, columns, channels):
    inputs = random_inputs(rows, columns, channels)
    value = float(MaskedL1()(*inputs))
    assert value == pytest.approx(naive_masked_l1(*inputs), rel=1e-5)


sizes = st.tuples(*[st.integers(1, 4)] * 4)


@given(sizes, sizes, seeds)
def test_of_any_size_it_is_the_naive_loop(grid, patch, seed):
    batch, rows, columns, channels = grid
    shape = (2, batch, rows * patch[0], columns * patch[1], channels)
    reconstruction, target = normal(shape, seed)
    mask = np.random.default_rng(seed).random((batch, rows, columns)) < 0.6
    value = compiled(MaskedL1())(reconstruction, target, mask)
    expected = naive_masked_l1(reconstruction, target, mask)
    assert value == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_gradient():
    """One share of the mean for each masked value, towards the target; nothing elsewhere."""
    reconstruction, target, mask = random_inputs()
    gradient = gradient_by_sgd(lambda x: MaskedL1()(x, target, mask), reconstruction)
    pixels = mask.repeat(2, axis=1).repeat(4, axis=2)[..., None]
    expected = np.sign(reconstruction - target) * pixels / (pixels.sum() + 1e-5) / 3
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_nothing_masked():
    reconstruction, target, mask = random_inputs()
    assert float(MaskedL1()(reconstruction, target, np.zeros_like(mask))) == 0.0


def test_computes_in_float32():
    reconstruction, target, mask = random_inputs()
    keras.config.set_dtype_policy("mixed_bfloat16")
    loss = MaskedL1()(keras.ops.cast(reconstruction, "bfloat16"), target, mask)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    rounded = keras.ops.cast(keras.ops.cast(reconstruction, "bfloat16"), "float32")
    expected = naive_masked_l1(keras.ops.convert_to_numpy(rounded), target, mask)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_compiled_saved_and_loaded(tmp_path):
    """What `check_layer` does, for three inputs."""
    arrays = random_inputs()
    inputs = [keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in arrays]
    output = MaskedL1()(*inputs)
    assert output.shape == () and output.dtype == "float32"
    model = keras.Model(inputs, output)
    model.save(tmp_path / "loss.keras")
    for loss in (model, keras.saving.load_model(tmp_path / "loss.keras")):
        loss.compile(jit_compile=keras.backend.backend() != "torch")
        value = float(loss.predict_on_batch(list(arrays)))
        assert value == pytest.approx(naive_masked_l1(*arrays), rel=1e-5)


@pytest.mark.parametrize("shape", [(4, 6, 8, 1), (4, 8, 6, 3), (4, 6, 8)])
def test_another_target(shape):
    reconstruction, _, mask = random_inputs()
    with pytest.raises(ValueError, match="of one shape.*Received"):
        MaskedL1()(reconstruction, np.zeros(shape, "float32"), mask)


@pytest.mark.parametrize("shape", [(4, 6), (4, 4, 2), (4, 3, 3)])
def test_mask_that_does_not_tile_the_images(shape):
    reconstruction, target, _ = random_inputs()
    with pytest.raises(ValueError, match="`patch_mask` must be.*Received"):
        MaskedL1()(reconstruction, target, np.ones(shape, "bool"))
