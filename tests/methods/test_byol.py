import math

import keras
import numpy as np
import pytest
from small_methods import METHODS, arrays_of, small_encoder, small_head, some_images, splitter

import keras_simmim as ks


def test_momentum_rises_by_a_cosine():
    """Of one weight: target' = m * target + (1 - m) * online, with m of the paper's section 3.2."""
    model = METHODS["BYOL"]()
    model.compile(optimizer=keras.optimizers.SGD(0.5))
    target, online = model.target_head.embedding_layer.kernel, model.head.embedding_layer.kernel
    for step in range(1, 8):
        (before,) = arrays_of([target])
        model.train_on_batch(some_images(6))
        after, now = arrays_of([target, online])
        momentum = 1 - (1 - 0.9) * (math.cos(math.pi * min(step / 6, 1)) + 1) / 2
        np.testing.assert_allclose(after, momentum * before + (1 - momentum) * now, atol=1e-6)
    np.testing.assert_array_equal(before, after)  # after step 6 it is 1


def test_the_loss_of_a_step_is_that_of_predictions_and_targets():
    model = METHODS["BYOL"]()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    views = np.stack([some_images(6), 255 - some_images(6)], axis=1)
    flat = views.reshape(-1, *views.shape[2:])
    projections = model.head(model.encoder(flat, training=True), training=True)
    predictions = model.prediction_head(projections[:, 0], training=True)
    p, t = (keras.ops.convert_to_numpy(x)[:, 0] for x in (predictions, projections))
    p, t = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (p, t))
    p, t = (x.reshape(6, 2, -1) for x in (p, t))
    # At first the target is the online network.
    expected = np.mean([2 - 2 * (p[:, v] * t[:, 1 - v]).sum(axis=-1) for v in range(2)])
    loss = model.train_on_batch(views, return_dict=True)["loss"]
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_no_gradient_reaches_the_targets():
    model = METHODS["BYOL"]()
    model.momentum, model.momentum_steps = 1.0, None
    model.compile(optimizer=keras.optimizers.SGD(0.5))
    before = arrays_of(w for w in model.target_head.weights if "moving" not in w.path)
    model.train_on_batch(some_images(6))
    after = arrays_of(w for w in model.target_head.weights if "moving" not in w.path)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rejects_what_cannot_be_used():
    with pytest.raises(ValueError, match="momentum_steps=0"):
        ks.BYOL(small_encoder(), momentum_steps=0)
    foreign = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(8)])
    with pytest.raises(ValueError, match="`prediction_head` is needed"):
        ks.BYOL(small_encoder(), splitter(), foreign)


def test_several_angles():
    head = ks.heads.AttentionHead(2, 8)
    prediction = small_head(normalize=False)
    model = ks.BYOL(small_encoder(), splitter(3), head, prediction)
    model.compile()
    model.fit(some_images(), batch_size=6, verbose=0)
    outputs = model.view_outputs(some_images())
    assert outputs["predictions"].shape == outputs["targets"].shape == (12, 3, 2, 8)
