import keras
import numpy as np
import pytest
from small_methods import METHODS, arrays_of, small_encoder, small_head, some_images, splitter

import keras_simmim as ks

TARGETS = [("target_encoder", "encoder"), ("target_head", "head")]


def trained_weights(model, name):
    layer = getattr(model, name)
    online = getattr(model, dict(TARGETS).get(name, name))
    pairs = zip(layer.weights, online.weights, strict=True)
    return arrays_of(weight for weight, twin in pairs if twin.trainable)


@pytest.mark.parametrize("name", ["MoCo", "BYOL"])
def test_targets_start_as_copies_and_are_not_trained(name):
    model = METHODS[name]()
    model.trainable = True
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    for target, online in TARGETS:
        assert not getattr(model, target).trainable_weights
        for a, b in zip(
            arrays_of(getattr(model, target).weights),
            arrays_of(getattr(model, online).weights),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    assert not {id(w) for w in model.trainable_weights} & {
        id(w) for t, _ in TARGETS for w in getattr(model, t).weights
    }


def test_targets_are_the_moving_average_of_what_is_trained():
    model = METHODS["MoCo"]()
    model.compile(optimizer=keras.optimizers.SGD(0.5))
    expected = {target: trained_weights(model, target) for target, _ in TARGETS}
    for _ in range(3):
        model.train_on_batch(some_images(6))
        for target, online in TARGETS:
            new = trained_weights(model, online)
            expected[target] = [
                0.9 * a + 0.1 * b for a, b in zip(expected[target], new, strict=True)
            ]
    for target, online in TARGETS:
        moved = False
        for a, b, c in zip(
            trained_weights(model, target),
            expected[target],
            trained_weights(model, online),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, atol=1e-6)
            moved |= np.abs(a - c).max() > 1e-4
        assert moved  # behind, not equal


def test_targets_wait_while_gradients_accumulate():
    model = METHODS["MoCo"]()
    model.compile(optimizer=keras.optimizers.SGD(0.5, gradient_accumulation_steps=2))
    start = trained_weights(model, "target_encoder")
    model.train_on_batch(some_images(6))
    for a, b in zip(start, trained_weights(model, "target_encoder"), strict=True):
        np.testing.assert_array_equal(a, b)
    model.train_on_batch(some_images(6))
    for a, b, c in zip(
        start,
        trained_weights(model, "target_encoder"),
        trained_weights(model, "encoder"),
        strict=True,
    ):
        np.testing.assert_allclose(b, 0.9 * a + 0.1 * c, atol=1e-6)


@pytest.mark.parametrize("symmetric, keys_an_image", [(False, 1), (True, 2)])
def test_the_queue_holds_the_newest_keys_first(symmetric, keys_an_image):
    model = ks.MoCo(small_encoder(), splitter(), small_head(), queue_size=20, symmetric=symmetric)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    old = keras.ops.convert_to_numpy(model.queue)
    views = np.stack([some_images(6), 255 - some_images(6)], axis=1)
    model.train_on_batch(views)
    new = keras.ops.convert_to_numpy(model.queue)
    count = 6 * keys_an_image
    np.testing.assert_array_equal(new[:, count:], old[:, : 20 - count])
    np.testing.assert_allclose(np.linalg.norm(new[:, :count], axis=-1), 1.0, atol=1e-5)
    # The rate is 0, so the target is the encoder still, and its batch the same.
    keys = views if symmetric else views[:, 1:]
    flat = keys.reshape(-1, *keys.shape[2:])
    embeddings = model.head(model.encoder(flat, training=True), training=True)
    np.testing.assert_allclose(
        new[0, :count], keras.ops.convert_to_numpy(embeddings)[:, 0], atol=1e-5
    )


def test_a_batch_larger_than_the_queue():
    model = ks.MoCo(small_encoder(), splitter(), small_head(), queue_size=5)
    model.compile()
    model.train_on_batch(some_images(12))
    assert model.queue.shape == (1, 5, 8)


def test_validation_leaves_the_queue():
    model = METHODS["MoCo"]()
    model.compile()
    old = keras.ops.convert_to_numpy(model.queue)
    model.evaluate(some_images(), verbose=0)
    np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(model.queue))


@pytest.mark.parametrize(
    "kwargs, match",
    [({"queue_size": 0}, "queue_size=0"), ({"momentum": 1.5}, "momentum=1.5")],
)
def test_rejects_numbers_out_of_range(kwargs, match):
    with pytest.raises(ValueError, match=match):
        ks.MoCo(small_encoder(), **kwargs)


@pytest.mark.parametrize("method", [ks.SimMIM, ks.SimCLR, ks.MoCo, ks.BYOL, ks.EMPSSL])
def test_one_view_cannot_be_compared(method):
    with pytest.raises(ValueError, match="at least 2. Received: 1 view"):
        method(small_encoder(), splitter(1))


def test_a_splitter_of_one_view_has_no_keys():
    model = ks.MoCo(small_encoder(), [splitter(2), splitter(1)], small_head())
    with pytest.raises(ValueError, match="Received: a splitter of 1 view"):
        model.embed_views(some_images())


def test_an_encoder_of_unknown_shape_is_built_before_training():
    encoder = keras.Sequential([keras.layers.Conv2D(4, 3, strides=2), ks.encoders.BatchNorm()])
    model = ks.MoCo(encoder, splitter(), small_head(), queue_size=20)
    with pytest.raises(ValueError, match="before `compile`. Received: encoder"):
        model.compile()
    model.build((None, 16, 16, 3))
    model.compile()
    model.fit(some_images(), batch_size=6, verbose=0)
