import keras
import pytest


@pytest.fixture
def compiled_result():
    return _compiled_result


def _compiled_result(metric, embeddings):
    """Value of a metric updated in a compiled test step, with the batch size unknown."""

    class Watched(keras.Model):
        def __init__(self):
            super().__init__()
            self.metric = metric

        def call(self, x):
            return x

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            self.metric.update_state(y_pred)
            return keras.ops.mean(y_pred)

    model = Watched()
    model.compile(jit_compile=keras.backend.backend() != "torch")
    result = model.evaluate(embeddings, batch_size=8, verbose=0, return_dict=True)
    return result[metric.name]
