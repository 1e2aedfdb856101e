import warnings

import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given
from hypothesis import strategies as st
from properties import compiled, normal, seeds

from keras_simmim.heads import AttentionHead
from keras_simmim.optimizers import Muon


def random_features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def looking_head(x, **kwargs):
    """A head whose angles prefer some positions of `x`, as they do once they have learned to."""
    head = AttentionHead(**kwargs)
    head.build(x.shape)
    head.query.assign(np.random.default_rng(1).normal(size=head.query.shape))
    return head


@pytest.mark.parametrize("shape", [(6, 4, 4, 10), (6, 9, 10), (6, 10)])
def test_layer_contract_on_maps_tokens_and_vectors(shape):
    check_layer(
        lambda: AttentionHead(num_heads=3, embedding_dim=8),
        random_features(*shape),
        (6, 3, 8),
        output_dtype="float32",
    )


def test_is_the_naive_loop():
    """Inference, from the formula: attention per angle, then that angle's MLP."""
    x = random_features(3, 2, 3, 4)
    head = looking_head(x, num_heads=2, embedding_dim=5, hidden_dim=7)
    embeddings, scores = map(keras.ops.convert_to_numpy, head(x, return_attention_scores=True))
    weights = {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in head.weights}
    for n in range(3):
        positions = x[n].reshape(6, 4)
        for a in range(2):
            logits = positions @ weights["query"][a] / np.sqrt(4)
            attention = np.exp(logits) / np.exp(logits).sum()
            np.testing.assert_allclose(scores[n, a], attention, atol=1e-6)
            hidden = attention @ positions @ weights["hidden_kernel"][a]
            hidden = np.maximum(hidden / np.sqrt(1 + 1e-5), 0)  # batch norm as initialised
            z = hidden @ weights["embedding_kernel"][a]
            np.testing.assert_allclose(
                embeddings[n, a], z / max(np.linalg.norm(z), 1e-6), atol=1e-5
            )


def test_batch_norm_is_per_angle_over_the_batch():
    x = random_features(64, 4, 6)
    head = looking_head(x, num_heads=2, embedding_dim=5, hidden_dim=7)
    head(x, training=True)
    moving_mean = keras.ops.convert_to_numpy(head.hidden_norm.moving_mean).reshape(2, 7)
    _, scores = head(x, return_attention_scores=True)
    seen = np.einsum("nat,ntf->naf", keras.ops.convert_to_numpy(scores), x)
    kernel = keras.ops.convert_to_numpy(head.hidden_kernel)
    expected = np.einsum("naf,afh->nah", seen, kernel).mean(axis=0)
    np.testing.assert_allclose(moving_mean, 0.1 * expected, atol=1e-5)


few = st.integers(1, 5)


@given(
    st.one_of(st.tuples(few, few, few, few), st.tuples(few, few, few), st.tuples(few, few)),
    *(few, few, few, seeds),
)
def test_of_any_features_it_gives_unit_vectors_whatever_the_order(
    shape, num_heads, embedding_dim, hidden_dim, seed
):
    x = normal(shape, seed)
    sizes = {"num_heads": num_heads, "embedding_dim": embedding_dim, "hidden_dim": hidden_dim}
    head = looking_head(x, **sizes)
    look = compiled(lambda x: head(x, return_attention_scores=True))
    embeddings, scores = look(x)
    assert embeddings.shape == (shape[0], num_heads, embedding_dim)
    assert embeddings.shape == head.compute_output_shape(shape)
    assert embeddings.dtype == scores.dtype == "float32"
    lengths = np.linalg.norm(embeddings, axis=-1)
    # A vector is 0 where ReLU leaves nothing of its hidden layer.
    np.testing.assert_allclose(lengths, lengths > 0.5, atol=1e-5)
    np.testing.assert_allclose(scores.sum(axis=-1), 1.0, atol=1e-5)
    order = np.random.default_rng(seed).permutation(shape[0])
    np.testing.assert_allclose(look(x[order])[0], embeddings[order], atol=1e-5)
    if len(shape) == 3:
        # Positions are a set.
        order = np.random.default_rng(seed).permutation(shape[1])
        np.testing.assert_allclose(look(x[:, order])[0], embeddings, atol=1e-4)


def scores_of(head, x):
    return keras.ops.convert_to_numpy(head(x, return_attention_scores=True)[1])


def test_angles_begin_by_looking_at_different_places():
    """And none at a single one, from which it could not learn to look at others."""
    scores = scores_of(AttentionHead(num_heads=4), random_features(2, 8, 8, 32))
    np.testing.assert_allclose(scores.sum(axis=-1), 1.0, atol=1e-5)
    for a in range(4):
        for b in range(a):
            assert np.abs(scores[:, a] - scores[:, b]).sum(axis=-1).min() > 0.2
    assert scores.max() < 0.5


@pytest.mark.parametrize("shape", [(8, 6), (8, 1, 6), (8, 1, 1, 6)])
def test_a_single_position_is_said_and_leaves_no_weight_without_a_gradient(shape):
    with pytest.warns(UserWarning, match="looks at a single position"):
        head = AttentionHead(num_heads=2, embedding_dim=4)
        model = keras.Sequential([keras.Input(shape[1:]), head])
    model.compile(optimizer=Muon(0.1), loss="mse")
    query = head.get_weights()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="An attention head looks at a single")
        warnings.filterwarnings("ignore", message=".*__array__ implementation")  # Keras's own
        model.train_on_batch(random_features(*shape), random_features(8, 2, 4))
    np.testing.assert_array_equal(head.get_weights()[0], query)
    assert all(np.isfinite(weight).all() for weight in head.get_weights())


def test_a_single_position_of_a_map_of_unknown_size():
    head = AttentionHead(num_heads=2, embedding_dim=4)
    head.build((None, None, None, 6))
    with pytest.warns(UserWarning, match="looks at a single position"):
        head(random_features(8, 1, 1, 6))


def test_a_map_is_looked_at_without_a_word(recwarn):
    AttentionHead()(random_features(8, 1, 2, 6))
    assert not recwarn.list


def test_unit_length_in_float32_under_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    embeddings = AttentionHead()(random_features(8, 4, 4, 16), training=True)
    assert keras.backend.standardize_dtype(embeddings.dtype) == "float32"
    lengths = np.linalg.norm(keras.ops.convert_to_numpy(embeddings), axis=-1)
    np.testing.assert_allclose(lengths, 1.0, atol=1e-6)


def test_symbolic_scores():
    embeddings, scores = AttentionHead(num_heads=3)(
        keras.Input((4, 5, 6)), return_attention_scores=True
    )
    assert embeddings.shape == (None, 3, 128)
    assert scores.shape == (None, 3, 20)


@pytest.mark.parametrize("kwargs", [{"num_heads": 0}, {"embedding_dim": 1.5}, {"hidden_dim": -1}])
def test_rejects_sizes(kwargs):
    with pytest.raises(ValueError, match="must be a positive integer( or None)?. Received"):
        AttentionHead(**kwargs)
