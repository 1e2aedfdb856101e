"""Losses of views in a graph that knows neither the images nor the views when it is built."""

import keras
import numpy as np
import pytest

from keras_simmim.losses import BYOLLoss, EMPSSLLoss, InfoNCE, NTXent

VIEWS, QUEUE = (None, None, 2, 5), (2, None, 5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the others know all sizes")
@pytest.mark.parametrize(
    "loss, shapes",
    [
        (NTXent(), [VIEWS]),
        (BYOLLoss(), [VIEWS, VIEWS]),
        (EMPSSLLoss(), [VIEWS]),
        (InfoNCE(), [VIEWS, VIEWS, QUEUE]),
        (InfoNCE(same_views=True), [VIEWS, VIEWS, QUEUE]),
    ],
)
def test_it_is_what_it_is_of_known_sizes(loss, shapes):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    sizes = {VIEWS: (4, 3, 2, 5), QUEUE: (2, 7, 5)}
    inputs = [rng.normal(size=sizes[shape]).astype("float32") for shape in shapes]
    graph = tf.function(loss, input_signature=[tf.TensorSpec(shape) for shape in shapes])
    assert float(graph(*inputs)) == pytest.approx(float(loss(*inputs)), rel=1e-5)
