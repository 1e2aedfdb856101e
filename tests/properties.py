"""What property-based tests share: how a layer is called, and on what."""

import keras
import numpy as np
import pytest
from hypothesis import strategies as st


def compiled(function):
    """A function of NumPy arrays that gives NumPy arrays.

    Compiled under JAX only, which else compiles every single operation anew for a new shape.
    """
    if keras.backend.backend() == "jax":
        import jax

        function = jax.jit(function)

    def call(*arrays):
        outputs = function(*(keras.ops.convert_to_tensor(array) for array in arrays))
        return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)

    return call


def check_metric(metric, formula, z, seed, rel=1e-4):
    """A metric of one batch of embeddings is what the formula says, in any order."""

    @compiled
    def measure(embeddings):
        state = metric.stateless_update_state(metric.stateless_reset_state(), embeddings)
        return metric.stateless_result(state)

    expected = pytest.approx(formula(z), rel=rel, abs=1e-5)
    assert measure(z) == expected
    assert measure(reordered(z, seed)) == expected


def normal(shape, seed, scale=1.0):
    """Normally distributed float32 numbers."""
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype("float32")


seeds = st.integers(0, 2**32 - 1)


def embeddings():
    """Embeddings `(B, V, A, D)` of any length, at least 2 of images, views and dimensions."""
    shapes = st.tuples(st.integers(2, 6), st.integers(2, 4), st.integers(1, 3), st.integers(2, 9))
    return st.builds(normal, shapes, seeds, st.sampled_from([1.0, 1e-3, 1e3]))


def reordered(z, seed):
    """The same images and views, `(B, V, ...)`, in another order."""
    rng = np.random.default_rng(seed)
    return z[rng.permutation(len(z))][:, rng.permutation(z.shape[1])]
