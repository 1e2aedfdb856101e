import keras
import numpy as np
import pytest
from small_methods import METHODS, some_images

from keras_simmim.runs.not_finite import NotFinite
from keras_simmim.runs.stop_on_bad_steps import StopOnBadSteps


class Losses(keras.callbacks.Callback):
    """Puts losses into the logs, one a step."""

    def __init__(self, losses):
        super().__init__()
        self.losses = list(losses)

    def on_train_batch_end(self, batch, logs=None):
        logs["loss"] = self.losses.pop(0)


def run(losses, count, epochs=1):
    callbacks = keras.callbacks.CallbackList([Losses(losses), StopOnBadSteps(4, count=count)])
    callbacks.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    callbacks.on_train_begin()
    for epoch in range(epochs):
        callbacks.on_epoch_begin(epoch)
        for batch in range(4):
            callbacks.on_train_batch_begin(batch)
            callbacks.on_train_batch_end(batch, {})
    callbacks.on_train_end()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "losses,first,bad",
    [
        ([1, 1, 1, 1, 1, NAN, NAN, 1], 5, 2),
        ([1, NAN, 1, INF, NAN, 1, 1, 1], 3, 2),
        ([1, 1, 1, 1, 1, 1, 1, NAN], 7, 1),  # no more steps to see it by
    ],
)
@pytest.mark.filterwarnings("ignore:The loss of step")
def test_ends(losses, first, bad):
    with pytest.raises(NotFinite) as error:
        run(losses, 2, epochs=2)
    assert (error.value.step, error.value.count) == (first, bad)


def test_one_bad_step_is_said_and_survived():
    with pytest.warns(UserWarning, match="loss of step 2 is not finite"):
        run([1, NAN, 1, 1], 2)


class MeanOfInput(keras.Model):
    """Its loss is not finite where the input is not; its gradient is."""

    def __init__(self):
        super().__init__()
        self.w = self.add_weight(shape=())
        self.built = True

    def call(self, x):
        return x

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.w + keras.ops.mean(x)


@pytest.mark.filterwarnings("ignore:The loss of step")
@pytest.mark.parametrize("bad", [1, 2])
def test_the_epoch_of_a_bad_step_has_the_loss_of_those_after_it_or_none(bad):
    model = MeanOfInput()
    model.compile(keras.optimizers.SGD(0.0))
    x, losses = np.arange(3, dtype="float32"), []
    x[bad] = np.nan
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]),
        on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]),
    )
    fit = {"batch_size": 1, "shuffle": False, "verbose": 0}
    if bad == 2:
        with pytest.raises(NotFinite):
            model.fit(x, callbacks=[watch, StopOnBadSteps(3)], **fit)
    else:
        model.fit(x, callbacks=[watch, StopOnBadSteps(3)], **fit)
    w = float(model.w.value)
    of_epoch = {1: w + 2, 2: np.nan}[bad]
    expected = [w, *{1: [np.nan, w + 2], 2: [w + 0.5, np.nan]}[bad], of_epoch]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="no float16 on JAX's CPU")
def test_overflow_in_mixed_precision_is_not_a_bad_step():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = METHODS["SimCLR"]()
        model.compile(
            keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=2.0**40)
        )
        before = [np.array(weight) for weight in model.encoder.get_weights()]
        model.fit(some_images(), batch_size=4, verbose=0, callbacks=[StopOnBadSteps(2, count=1)])
        scale = float(keras.ops.convert_to_numpy(model.optimizer.dynamic_scale))
        assert scale < 2.0**40  # it has overflown
        trainable = [weight.path for weight in model.encoder.trainable_weights]
        assert trainable
        for weight, value in zip(model.encoder.weights, before, strict=True):
            if weight.path in trainable:
                np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
    finally:
        keras.config.set_dtype_policy("float32")
