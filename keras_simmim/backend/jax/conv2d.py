import jax
import jax.numpy as jnp
from jax import lax


def conv2d(x, kernel, strides: tuple[int, int]):
    """Convolves with padding "same": see `backend/tensorflow/conv2d.py`.

    Where the map is smaller than the kernel, XLA swaps the two, and its CPU code for that is about
    30 times slower (3x3 on 2x2 pixels of 256 channels, JAX 0.10.2). There it is a matrix product.
    """
    height, width, _, filters = kernel.shape
    on_cpu = jax.default_backend() == "cpu"
    if on_cpu and (_small(x.shape[1], height, strides[0]) or _small(x.shape[2], width, strides[1])):
        patches = _patches(x, (height, width), strides)  # (B, h, w, height * width * C)
        return jnp.matmul(patches, kernel.reshape(-1, filters))
    return lax.conv_general_dilated(
        x, kernel, strides, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _small(size, kernel_size, stride):
    """Whether the map or, for the gradient, the result is smaller than the kernel."""
    return -(-size // stride) < kernel_size > 1


def _patches(x, kernel_size, strides):
    """The pixels that each kernel position sees, side by side."""
    pads = lax.padtype_to_pads(x.shape[1:3], kernel_size, strides, "SAME")
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
