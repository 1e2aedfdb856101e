import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_simmim.views import ViewSplitter, resampling


def numpy_weights(start, length, size, image_size):
    """Row j: a triangle around the view's pixel j, in a double loop."""
    scale = max(length / size, 1.0)
    weights = np.zeros((size, image_size))
    for j in range(size):
        center = start + (j + 0.5) * length / size
        for i in range(image_size):
            weights[j, i] = max(0.0, 1.0 - abs(i + 0.5 - center) / scale)
        weights[j] /= weights[j].sum()
    return weights


def random_images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


def boxes(*values):
    return ops.reshape(ops.convert_to_tensor(values, "float32"), (1, -1, 4))


@pytest.mark.parametrize("size", [5, 20, 32])
@pytest.mark.parametrize(("start", "length"), [(0.0, 20.0), (3.3, 14.2), (10.0, 7.0), (18.9, 1.1)])
def test_interpolation_matrices_against_double_loop(size, start, length):
    tensors = [ops.full((1, 1), value) for value in (start, length)]
    matrix = ops.convert_to_numpy(resampling.interpolation_matrices(*tensors, size, 20))[0, 0]
    np.testing.assert_allclose(matrix, numpy_weights(start, length, size, 20), atol=2e-5)


def test_interpolation_matrices_mirror_where_flipped():
    start, length = ops.full((1, 2), 2.5), ops.full((1, 2), 9.0)
    flip = ops.convert_to_tensor([[False, True]])
    matrices = resampling.interpolation_matrices(start, length, 6, 16, flip)
    straight, mirrored = ops.convert_to_numpy(matrices)[0]
    np.testing.assert_allclose(mirrored, straight[::-1], atol=1e-6)


@pytest.mark.parametrize(
    ("view_size", "box"),
    [
        ((32, 32), (4, 7, 20, 15)),  # grows both sides
        ((12, 12), (0, 0, 40, 56)),  # shrinks the whole image
        ((12, 64), (3, 5, 30, 24)),  # shrinks one side, grows the other
        ((16, 16), (1.7, 20.2, 33.3, 35.1)),  # between pixels
    ],
)
def test_views_are_pillows_resize(view_size, box):
    image = random_images(40, 56)
    splitter = ViewSplitter(view_size=view_size, flip=0, jitter=0, grayscale=0)
    views = splitter.apply(image[None, :, :, None], {"box": boxes(box, box)})
    top, left, height, width = box
    expected = Image.fromarray(image).resize(
        view_size[::-1],
        Image.Resampling.BILINEAR,
        box=(left, top, left + width, top + height),
        reducing_gap=None,
    )
    views = ops.convert_to_numpy(views)[0, ..., 0]
    assert np.abs(views - np.asarray(expected)).max() < 0.01


def test_blur_is_a_convolution_inside_and_normalised_at_the_border():
    sigma = 1.5
    image = random_images(24, 20)
    splitter = ViewSplitter(flip=0, jitter=0, grayscale=0, blur=1.0)
    parameters = {
        "box": boxes((0, 0, 24, 20), (0, 0, 24, 20)),
        "blur_sigma": ops.convert_to_tensor([[sigma, 0.0]]),
    }
    views = ops.convert_to_numpy(splitter.apply(image[None, :, :, None], parameters))[0, ..., 0]
    expected = np.zeros((24, 20))
    for row in range(24):
        for column in range(20):
            y, x = np.mgrid[:24, :20]
            kernel = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))
            expected[row, column] = np.sum(kernel * image) / np.sum(kernel)
    np.testing.assert_allclose(views[0], expected, atol=1e-3)
    np.testing.assert_allclose(views[1], image, atol=1e-4)


def test_mean_colors_are_the_means_of_the_views():
    images = random_images(4, 16, 16, 3)
    parameters = ViewSplitter(seed=1).draw(4, (16, 16))
    top, left, height, width = ops.unstack(parameters["box"], 4, axis=-1)
    rows = resampling.interpolation_matrices(top, height, 8, 16)
    columns = resampling.interpolation_matrices(left, width, 30, 16, parameters["flip"])
    views = resampling.resample(ops.convert_to_tensor(images), rows, columns)
    means = resampling.mean_colors(ops.convert_to_tensor(images), rows, columns)
    assert views.shape == (4, 2, 3, 8, 30)
    np.testing.assert_allclose(
        ops.convert_to_numpy(means), ops.convert_to_numpy(ops.mean(views, axis=(3, 4))), rtol=1e-4
    )


def test_blur_matrices_rows_sum_to_one():
    matrices = resampling.blur_matrices(ops.convert_to_tensor([[0.0, 0.1, 2.0, 50.0]]), 9)
    matrices = ops.convert_to_numpy(matrices)[0]
    np.testing.assert_array_equal(matrices[0], np.eye(9))
    np.testing.assert_allclose(matrices.sum(axis=-1), 1.0, rtol=1e-5)
