import warnings

import keras
import numpy as np
import pytest
from keras import ops

import keras_simmim as ks
from keras_simmim.evaluation import CollapseCallback


class PullTogether(keras.layers.Layer):
    """A loss that nothing but the same embedding for all images makes small."""

    def call(self, embeddings):
        return ops.mean(ops.square(embeddings - ops.mean(embeddings, axis=(0, 1))))


def encoder():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            ks.encoders.Standardize(),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
        ]
    )


def simmim(**kwargs):
    head = ks.heads.ProjectionHead(embedding_dim=16)
    return ks.SimMIM(encoder(), attention_head=head, **kwargs)


def fit(model, callback, epochs=4, rate=1e-3):
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype("uint8")
    model.compile(optimizer=keras.optimizers.Adam(rate))
    return model.fit(images, batch_size=32, epochs=epochs, verbose=0, callbacks=[callback])


def test_a_model_that_collapses_is_told_within_the_first_epochs():
    with pytest.warns(UserWarning) as caught:
        history = fit(simmim(loss=PullTogether()), CollapseCallback(stop=True), 6, rate=0.1)
    (message,) = [str(w.message) for w in caught if w.category is UserWarning]
    std = history.history["embedding_std"]
    assert len(std) < 6 and std[-1] < 0.2 / 4 <= min(std[:-1], default=1.0)
    assert f"After epoch {len(std)} embedding_std is {std[-1]:.2g}" in message
    assert "Training stops." in message
    assert "learning rate, now 0.1" in message


def test_a_healthy_model_is_not():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*collapse")
        history = fit(simmim(), CollapseCallback(stop=True))
    assert len(history.epoch) == 4


def run(stds, **kwargs):
    """The warnings of a training whose epochs have the given standard deviations, of 0.25."""
    callback = CollapseCallback(**kwargs)
    model = simmim()
    model.compile()
    callback.set_model(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        callback.on_train_begin()
        for epoch, std in enumerate(stds):
            callback.on_epoch_end(epoch, {callback.metric: std})
    return [str(w.message) for w in caught if w.category is UserWarning], model.stop_training


def test_patience_and_threshold():
    assert run([0.052, 0.2])[0] == []
    assert len(run([0.052, 0.2], threshold=0.3)[0]) == 1
    messages, stopped = run([0.02, 0.02, 0.02])
    assert len(messages) == 1 and "8.0% of the 0.25" in messages[0] and not stopped
    assert len(run([0.02, 0.2, 0.02])[0]) == 2
    assert run([0.02, 0.2, 0.02], patience=2)[0] == []
    assert run([float("nan")] * 3, stop=True) == ([], False)
    assert run([0.02, 0.02], patience=2, stop=True)[1]
    assert "val_embedding_std is 0.02" in run([0.02], metric="val_embedding_std")[0][0]
    assert run([0.02], embedding_dim=10_000)[0] == []


def message_of(model):
    model.compile(optimizer=keras.optimizers.SGD(0.5))
    callback = CollapseCallback()
    callback.set_model(model)
    callback.on_train_begin()
    with pytest.warns(UserWarning) as caught:
        callback.on_epoch_end(0, {"embedding_std": 0.0})
    (message,) = [str(w.message) for w in caught if w.category is UserWarning]
    return message


def test_advice_fits_the_method():
    small = ks.heads.ProjectionHead(4, 4)
    contrastive = message_of(simmim(loss=ks.losses.NTXent(temperature=0.7)))
    assert "temperature of the loss, now 0.7" in contrastive and "predictor" not in contrastive
    predicting = message_of(ks.BYOL(encoder(), projection_head=small, momentum=0.9))
    assert "predictor" in predicting and "now 0.9" in predicting
    assert "temperature" not in predicting
    assert "`invariance`, now 200" in message_of(ks.EMPSSL(encoder(), projection_head=small))
    for message in (contrastive, predicting):
        assert "learning rate, now 0.5" in message and "0...255" in message


def test_unknown_dimensions_and_metric():
    callback = CollapseCallback()
    callback.set_model(keras.Sequential())
    with pytest.raises(ValueError, match="give CollapseCallback `embedding_dim`"):
        callback.on_train_begin()
    callback = CollapseCallback(embedding_dim=16)
    callback.set_model(keras.Sequential())
    callback.on_train_begin()
    with pytest.raises(ValueError, match="'embedding_std'.*\n?.*Received: loss, val_loss"):
        callback.on_epoch_end(0, {"val_loss": 1.0, "loss": 1.0})


@pytest.mark.parametrize("wrong", [{"threshold": 1.0}, {"patience": 0}, {"embedding_dim": 0}])
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match="Received: "):
        CollapseCallback(**wrong)
