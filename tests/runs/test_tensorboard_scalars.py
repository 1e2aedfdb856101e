import sys

import pytest

from keras_simmim.runs.tensorboard_scalars import TensorBoardScalars


def test_writes_what_was_measured(tmp_path, capfd):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    callback = TensorBoardScalars(tmp_path)
    callback.on_epoch_end(0, {"loss": 2.0, "knn_accuracy": float("nan")})
    callback.on_epoch_end(1, {"loss": 1.5, "knn_accuracy": 0.25})
    callback.on_train_end()
    events = loader.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(0, 2.0), (1, 1.5)]
    assert [(e.step, e.value) for e in events.Scalars("knn_accuracy")] == [(1, 0.25)]
    assert "NaN" not in capfd.readouterr().out


def test_without_tensorboardx_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"keras-simmim\[tensorboard\]"):
        TensorBoardScalars(tmp_path)
