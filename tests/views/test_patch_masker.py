import math

import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from properties import compiled, seeds

from keras_simmim.views import PatchMasker


def zeros(*shape):
    return np.zeros(shape, "uint8")


def draw(masker, images, **arguments):
    return ops.convert_to_numpy(masker(images, **arguments))


def test_layer():
    check_layer(
        lambda: PatchMasker(8, 4, seed=7),
        zeros(4, 32, 16, 3),
        (4, 8, 4),
        call_kwargs={"seed": 3},
        output_dtype="bool",
        # TensorFlow's generator makes other numbers of a seed when XLA compiles it.
        deterministic=keras.backend.backend() != "tensorflow",
    )
    assert PatchMasker(8, 4)(keras.Input((32, 16, 3))).dtype == "bool"


@pytest.mark.parametrize(
    ("size", "unit_size", "patch_size", "ratio", "count"),
    [
        ((32, 32), 8, 4, 0.6, 10),  # of 16 units: 9.6
        ((32, 48), 8, 8, 0.25, 6),  # of 24
        ((40, 40), 4, 2, 0.55, 55),  # of 100, though 0.55 * 100 > 55
        ((192, 192), 32, 16, 0.6, 22),  # of 36: 21.6
    ],
)
def test_number_of_masked_units(size, unit_size, patch_size, ratio, count):
    mask = draw(PatchMasker(unit_size, patch_size, ratio), zeros(64, *size, 1))
    patches = unit_size // patch_size
    rows, columns = size[0] // unit_size, size[1] // unit_size
    assert mask.shape == (64, rows * patches, columns * patches)
    assert mask.dtype == bool
    units = mask.reshape(64, rows, patches, columns, patches)
    np.testing.assert_array_equal(
        units, units[:, :, :1, :, :1].repeat(patches, 2).repeat(patches, 4)
    )
    np.testing.assert_array_equal(units[:, :, 0, :, 0].sum(axis=(1, 2)), count)


counts = st.integers(1, 5)


@given(counts, counts, counts, counts, counts, st.floats(0.01, 0.99), seeds)
def test_of_any_size_as_many_units_are_masked(batch, rows, columns, patches, size, ratio, seed):
    masker = PatchMasker(patches * size, size, ratio)
    images = zeros(batch, rows * patches * size, columns * patches * size, 1)
    mask = compiled(lambda images: masker(images, seed=seed // 2))(images)
    assert mask.shape == masker.compute_output_shape(images.shape)
    assert mask.shape == (batch, rows * patches, columns * patches)
    units = math.ceil(round(ratio * rows * columns, 6))
    np.testing.assert_array_equal(mask.sum(axis=(1, 2)), units * patches**2)


def test_equal_draws_mask_no_more(monkeypatch):
    monkeypatch.setattr(keras.random, "uniform", lambda shape, **_: ops.zeros(shape))
    mask = draw(PatchMasker(8, 8), zeros(4, 32, 32, 3))
    np.testing.assert_array_equal(mask.sum(axis=(1, 2)), 10)


def test_every_unit_is_masked_equally_often():
    images = 20000
    mask = draw(PatchMasker(8, 8, seed=0), zeros(images, 32, 32, 1)).astype("float64")
    share = 10 / 16
    # Of the mean over independent images, 5 standard deviations.
    allowed = 5 * (share * (1 - share) / images) ** 0.5
    assert np.abs(mask.mean(axis=0) - share).max() < allowed
    # Two units of an image: that both are masked is as likely for any two.
    flat = mask.reshape(images, 16)
    both = (flat.T @ flat / images)[~np.eye(16, dtype="bool")]
    assert np.abs(both - share * 9 / 15).max() < allowed


def test_images_and_batches_differ():
    masker = PatchMasker(8, 4, seed=0)
    first, second = (draw(masker, zeros(256, 64, 64, 3)) for _ in range(2))
    assert len({mask.tobytes() for mask in (*first, *second)}) == 512


def test_seed_of_the_layer_and_of_the_call():
    images = zeros(16, 64, 64, 3)

    def mask(seed, call_seed=None):
        return draw(PatchMasker(8, 4, seed=seed), images, seed=call_seed)

    np.testing.assert_array_equal(mask(1), mask(1))
    np.testing.assert_array_equal(mask(1, call_seed=5), mask(2, call_seed=5))
    assert (mask(1) != mask(2)).any()
    generator = keras.random.SeedGenerator(5)
    np.testing.assert_array_equal(mask(1, call_seed=generator), mask(1, call_seed=5))
    assert (mask(1, call_seed=generator) != mask(1, call_seed=5)).any()


@pytest.mark.parametrize(
    "arguments",
    [
        {"unit_size": 0},
        {"unit_size": 8.0},
        {"unit_size": 6},
        {"patch_size": -4},
        {"ratio": 0},
        {"ratio": 1.0},
        {"ratio": "most"},
        {"seed": 1.5},
    ],
    ids=str,
)
def test_bad_arguments(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"`{name}`.*Received: .*{name}={value!r}"):
        PatchMasker(**{"unit_size": 8, "patch_size": 4, **arguments})


@pytest.mark.parametrize("shape", [(None, 32, 3), (32, None, 3), (32, 32)])
def test_unknown_or_wrong_image_shape(shape):
    with pytest.raises(ValueError, match="PatchMasker takes images of shape"):
        PatchMasker(8, 4)(keras.Input(shape))


@pytest.mark.parametrize("size", [(32, 36), (28, 32)])
def test_images_that_units_do_not_tile(size):
    with pytest.raises(ValueError, match="choose another `unit_size`.*Received"):
        PatchMasker(8, 4)(zeros(2, *size, 3))
