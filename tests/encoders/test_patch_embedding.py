import keras
import numpy as np
import pytest
from check_layer import check_layer

from keras_simmim.encoders.patch_embedding import PatchEmbedding
from keras_simmim.encoders.position_encoding import sincos_positions


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_life_of_a_layer():
    check_layer(lambda: PatchEmbedding(2, 8), images(3, 6, 4, 3), (3, 6, 8))
    check_layer(lambda: PatchEmbedding(2, 8, add_positions=False), images(3, 6, 4, 3), (3, 6, 8))


@pytest.mark.parametrize("add_positions", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_naive_loop(add_positions, masked):
    layer = PatchEmbedding(2, 8, add_positions)
    x, token = images(3, 6, 4, 3), np.arange(8, dtype="float32")
    mask = np.random.default_rng(1).random((3, 3, 2)) < 0.5 if masked else None
    got = keras.ops.convert_to_numpy(layer(x, mask, token if masked else None))
    kernel, bias = layer.get_weights()
    positions = keras.ops.convert_to_numpy(sincos_positions(3, 2, 8)) if add_positions else [0] * 6
    for n, row, column in np.ndindex(3, 3, 2):
        patch = x[n, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        expected = patch.reshape(12) @ kernel + bias
        if masked and mask[n, row, column]:
            expected = token
        expected = expected + positions[2 * row + column]
        np.testing.assert_allclose(got[n, 2 * row + column], expected, atol=1e-5)


def test_a_masked_patch_is_not_seen():
    layer, token = PatchEmbedding(2, 8), np.zeros(8, "float32")
    x, mask = images(3, 6, 4, 3), np.zeros((3, 3, 2), "bool")
    mask[:, 1, 0] = True
    other = x.copy()
    other[:, 2:4, :2] += 1
    masked, masked_other = (
        keras.ops.convert_to_numpy(layer(image, mask, token)) for image in (x, other)
    )
    np.testing.assert_array_equal(masked, masked_other)


def test_unknown_size():
    assert PatchEmbedding(2, 8).compute_output_shape((None, None, 4, 3)) == (None, None, 8)


def test_size_that_patches_do_not_tile():
    with pytest.raises(ValueError, match=r"multiples of the patch size, 4.*Received"):
        PatchEmbedding(4, 8)(images(1, 8, 10, 3))


@pytest.mark.parametrize(
    ("mask_shape", "token_shape", "message"),
    [
        ((1, 3, 2), None, "give both.*Received: mask_token=None"),
        (None, (8,), "give both.*Received: patch_mask=None"),
        ((1, 3, 2), (1, 8), "`mask_token` must have the 8 channels.*Received"),
        ((1, 6), (8,), r"must be \(batch, 3, 2\).*Received: shape \(1, 6\)"),
        ((1, 2, 3), (8,), r"must be \(batch, 3, 2\).*Received: shape \(1, 2, 3\)"),
    ],
)
def test_bad_mask(mask_shape, token_shape, message):
    mask = mask_shape and np.ones(mask_shape, "bool")
    token = token_shape and np.ones(token_shape, "float32")
    with pytest.raises(ValueError, match=message):
        PatchEmbedding(2, 8)(images(1, 6, 4, 3), mask, token)
