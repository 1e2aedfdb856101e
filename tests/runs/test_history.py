import math

from keras_simmim.runs.history import read_history


def test_numbers_and_gaps(tmp_path):
    assert read_history(tmp_path) == {}
    (tmp_path / "history.csv").write_text("")
    assert read_history(tmp_path) == {}
    (tmp_path / "history.csv").write_text(
        "epoch,loss,knn_accuracy,val_loss\n0,2,nan,NA\n1,1.5,,NA\n"
    )
    history = read_history(tmp_path)
    assert history["loss"] == [2.0, 1.5] and "epoch" not in history
    assert all(math.isnan(x) for x in history["knn_accuracy"] + history["val_loss"])
