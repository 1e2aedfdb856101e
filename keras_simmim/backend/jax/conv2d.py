import functools

import jax
import jax.numpy as jnp
from jax import lax

# How many positions of a strided kernel may see a pixel for its gradient to be a matrix product:
# it takes a copy of the pixels for each.
LARGEST_OVERLAP = 4


def conv2d(x, kernel, strides: tuple[int, int]):
    """Convolves with padding "same": see `backend/tensorflow/conv2d.py`.

    XLA's CPU code is slow at some of it. Where the map is smaller than the kernel, XLA swaps the
    two and takes 30 times as long (3x3 on 2x2 pixels of 256 channels, JAX 0.10.2): there it is a
    matrix product. Elsewhere the gradient of the kernel, which takes XLA 2 to 5 times as long as
    the convolution, is one where memory allows; so derivatives are by reverse mode alone.
    """
    if jax.default_backend() != "cpu":
        return _xla_conv2d(x, kernel, strides)
    height, width, _, filters = kernel.shape
    if _small(x.shape[1], height, strides[0]) or _small(x.shape[2], width, strides[1]):
        patches = _patches(x, (height, width), strides)  # (B, h, w, height * width * C)
        return jnp.matmul(patches, kernel.reshape(-1, filters))
    return _cpu_conv2d(x, kernel, strides)


def _xla_conv2d(x, kernel, strides):
    return lax.conv_general_dilated(
        x, kernel, strides, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _cpu_conv2d(x, kernel, strides):
    return _xla_conv2d(x, kernel, strides)


def _forward(x, kernel, strides):
    return _xla_conv2d(x, kernel, strides), (x, kernel)


def _backward(strides, residuals, gradient):
    x, kernel = residuals
    _, pull_back = jax.vjp(lambda x: _xla_conv2d(x, kernel, strides), x)
    (of_x,) = pull_back(gradient)
    return of_x, _kernel_gradient(x, kernel, strides, gradient)


_cpu_conv2d.defvjp(_forward, _backward)


def _kernel_gradient(x, kernel, strides, gradient):
    """The gradient of a convolution's kernel, by a matrix product.

    Args:
        x: what is convolved, `(B, H, W, C)`.
        kernel: `(height, width, C, F)`.
        strides: of rows and columns.
        gradient: that of the result, `(B, h, w, F)`.

    Returns:
        `(height, width, C, F)`.
    """
    height, width, channels, filters = kernel.shape
    if strides == (1, 1):
        # All pairs of a column of the kernel, by which x is shifted, and a row, by which the
        # gradient is: so x is not copied for each position, but for each column.
        columns = _patches(x, (1, width), strides)  # (B, H, W, width * C)
        rows = _patches(gradient, (height, 1), strides, transposed=True)  # (B, H, W, height * F)
        product = _summed_product(columns, rows).reshape(width, channels, height, filters)
        return product[:, :, ::-1].transpose(2, 0, 1, 3).astype(kernel.dtype)
    if height * width <= LARGEST_OVERLAP * strides[0] * strides[1]:
        patches = _patches(x, (height, width), strides)
        return _summed_product(patches, gradient).reshape(kernel.shape).astype(kernel.dtype)
    _, pull_back = jax.vjp(lambda kernel: _xla_conv2d(x, kernel, strides), kernel)
    return pull_back(gradient)[0]


def _summed_product(a, b):
    """Products of the channels of two maps, summed over images and positions."""
    return lax.dot_general(
        a.reshape(-1, a.shape[-1]),
        b.reshape(-1, b.shape[-1]),
        (((0,), (0,)), ((), ())),
        preferred_element_type=jnp.promote_types(a.dtype, "float32"),
    )


def _small(size, kernel_size, stride):
    """Whether the map or, for the gradient, the result is smaller than the kernel."""
    return -(-size // stride) < kernel_size > 1


def _patches(x, kernel_size, strides, transposed=False):
    """The pixels that each kernel position sees, or that see it, side by side."""
    pads = lax.padtype_to_pads(x.shape[1:3], kernel_size, strides, "SAME")
    pads = [pad[::-1] if transposed else pad for pad in pads]
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    sizes = [
        (padded - kernel) // stride * stride + 1
        for padded, kernel, stride in zip(x.shape[1:3], kernel_size, strides, strict=True)
    ]
    return jnp.concatenate(
        [
            x[:, row : row + sizes[0] : strides[0], column : column + sizes[1] : strides[1]]
            for row in range(kernel_size[0])
            for column in range(kernel_size[1])
        ],
        axis=-1,
    )
