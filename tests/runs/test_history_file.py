import math

from keras_simmim.runs.history import read_history
from keras_simmim.runs.history_file import HistoryFile


def write(path, epochs, **kwargs):
    file = HistoryFile(path, **kwargs)
    file.set_model(None)
    file.on_train_begin()
    for epoch, logs in epochs:
        file.on_epoch_end(epoch, logs)
    file.on_train_end()


def test_a_column_for_each_value_that_is_logged(tmp_path):
    path = tmp_path / "history.csv"
    write(path, [(0, {"loss": 2.0, "knn_accuracy": math.nan}), (1, {"loss": 1.5})])
    assert path.read_text().splitlines() == ["epoch,knn_accuracy,loss", "0,nan,2.0", "1,NA,1.5"]


def test_what_only_some_epochs_have_has_its_column_whatever_the_first_one_has(tmp_path):
    path = tmp_path / "history.csv"
    names = ["rankme", "loss"]
    write(path, [(4, {"loss": 2.0})], names=names)
    write(path, [(5, {"loss": 1.5, "rankme": 3.0})], names=names)
    assert path.read_text().splitlines() == ["epoch,loss,rankme", "4,2.0,NA", "5,1.5,3.0"]


def test_a_run_goes_on_with_the_columns_that_it_began_with(tmp_path):
    """Those of earlier versions had twice as many."""
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,val_loss\n0,2.0,NA\n")
    write(path, [(1, {"loss": 1.5})])
    assert path.read_text().splitlines()[2:] == ["1,1.5,NA"]
    assert read_history(tmp_path)["loss"] == [2.0, 1.5]
