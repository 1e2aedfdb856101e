import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, normal, seeds

from keras_simmim.heads import ProjectionHead


def random_features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("shape", [(6, 4, 4, 10), (6, 9, 10), (6, 10)])
def test_layer_contract_on_maps_tokens_and_vectors(shape):
    check_layer(
        lambda: ProjectionHead(embedding_dim=8),
        random_features(*shape),
        (6, 1, 8),
        output_dtype="float32",
    )


def test_is_the_formula():
    head = ProjectionHead(embedding_dim=5, hidden_dim=7)
    x = random_features(3, 2, 3, 4)
    embeddings = keras.ops.convert_to_numpy(head(x))
    hidden = x.mean(axis=(1, 2)) @ keras.ops.convert_to_numpy(head.hidden_layer.kernel)
    hidden = np.maximum(hidden / np.sqrt(1 + 1e-5), 0)  # batch norm as initialised
    z = hidden @ keras.ops.convert_to_numpy(head.embedding_layer.kernel)
    z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    np.testing.assert_allclose(embeddings[:, 0], z, atol=1e-5)


few = st.integers(1, 5)


@given(
    st.one_of(st.tuples(few, few, few, few), st.tuples(few, few, few), st.tuples(few, few)),
    *(few, st.one_of(st.none(), few), st.booleans(), seeds),
)
def test_of_any_features(shape, embedding_dim, hidden_dim, normalize, seed):
    x = normal(shape, seed)
    head = ProjectionHead(embedding_dim, hidden_dim, normalize)
    head.build(shape)
    project = compiled(head)
    embeddings = project(x)
    assert embeddings.shape == head.compute_output_shape(shape) == (shape[0], 1, embedding_dim)
    assert embeddings.dtype == "float32"
    if normalize:
        lengths = np.linalg.norm(embeddings, axis=-1)
        # A vector is 0 where ReLU leaves nothing of its hidden layer.
        np.testing.assert_allclose(lengths, lengths > 0.5, atol=1e-5)
    order = np.random.default_rng(seed).permutation(shape[0])
    np.testing.assert_allclose(project(x[order]), embeddings[order], atol=1e-5)


@pytest.mark.parametrize("kwargs", [{"embedding_dim": 0}, {"hidden_dim": 0.5}])
def test_rejects_sizes(kwargs):
    with pytest.raises(ValueError, match="must be a positive integer( or None)?. Received"):
        ProjectionHead(**kwargs)
