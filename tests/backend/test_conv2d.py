import keras
import numpy as np
import pytest
from small_methods import some_images

from keras_simmim import backend
from keras_simmim.encoders import Conv2D
from keras_simmim.views import ViewSplitter


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only torch has memory formats")
def test_of_views_too_the_result_lies_channels_last():
    """Views come planar; all layers keep the format that the first convolution gives them."""
    views = ViewSplitter()(some_images())
    assert not views.is_contiguous()
    assert Conv2D(4, 3)(views[:, 0]).is_contiguous()


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX's gradient is of our own")
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_a_gradient_in_float64_is_one_in_float64(strides):
    import jax
    from jax import lax

    def by_xla(x, kernel):
        dimensions = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, strides, "SAME", dimension_numbers=dimensions)

    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, kernel = rng.normal(size=(5, 9, 8, 3)), rng.normal(size=(3, 3, 3, 4))
        a, b = (
            jax.grad(lambda kernel, conv=conv: (conv(x, kernel) ** 2).sum())(kernel)
            for conv in (by_xla, lambda x, kernel: backend.conv2d(x, kernel, strides))
        )
    assert b.dtype == "float64"
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)  # float32 errs by 1e-5
