import csv
import importlib
import json
import subprocess
from types import SimpleNamespace

import pytest

from keras_simmim.runs import RunConfig, RunError, compare

pytest.importorskip("matplotlib")
compare_module = importlib.import_module("keras_simmim.runs.compare")
OPTIONS = {"steps": 8, "width": 4, "precision": "float32"}


@pytest.fixture
def commands(monkeypatch):
    """Stands in for the runs: writes the folder that each would leave."""
    commands = []

    def start(command):
        commands.append(command[3:])
        arguments = dict(zip(command[4::2], command[5::2], strict=False))
        output = compare_module.Path(arguments["--output"])
        output.mkdir(exist_ok=True)
        config = RunConfig(encoder="resnet10", knn_every=1, **compare_module.ALIKE, **OPTIONS)
        config.to_json(output / "config.json")
        accuracy = {"simmim-0": 0.5, "simmim-1": 0.6, "byol-0": 0.3, "byol-1": 0.3}[output.name]
        results = {"training_minutes": 2.0, "images_seen": 80, "parameters": 1234}
        results |= {"peak_memory_mb": None, "knn_accuracy": accuracy}
        (output / "results.json").write_text(json.dumps(results))
        history = (
            "epoch,images_per_second,minutes,knn_accuracy\n0,10,1,0.1\n1,30,2,NA\n2,20,3,nan\n"
        )
        (output / "history.csv").write_text(history)
        return SimpleNamespace(returncode=0)

    def judge(run, probe):
        accuracy = json.loads((run / "results.json").read_text())["knn_accuracy"]
        return {"knn_accuracy": accuracy, "linear_probe_accuracy": accuracy + 0.1}

    monkeypatch.setattr(subprocess, "run", start)
    monkeypatch.setattr(compare_module, "evaluate", judge)
    return commands


def test_table_and_plot(commands, tmp_path, capsys):
    rows = compare(["simmim", "byol"], 2, tmp_path, OPTIONS)
    assert len(commands) == 4
    assert rows[0]["knn"] == pytest.approx(55) and rows[0]["knn_spread"] == pytest.approx(5)
    out = capsys.readouterr().out
    assert "55.0 ± 5.0" in out and "30.0 ± 0.0" in out and "65.0 ± 5.0" in out
    assert "simmim (resnet10, 4 views)" in out
    with (tmp_path / "table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["method"] for row in table] == ["simmim", "byol"]
    assert float(table[0]["images_per_second"]) == 20
    assert (tmp_path / "accuracy.png").stat().st_size > 1000


def test_what_has_ended_is_not_repeated_and_what_has_begun_goes_on(commands, tmp_path):
    compare(["simmim"], 2, tmp_path, OPTIONS)
    (tmp_path / "simmim-1" / "results.json").unlink()
    commands.clear()
    compare(["simmim"], 2, tmp_path, OPTIONS)
    assert commands == [["pretrain", "--output", str(tmp_path / "simmim-1"), "--resume"]]


def test_what_was_run_otherwise_is_no_row_of_this_table(commands, tmp_path):
    compare(["simmim"], 1, tmp_path, OPTIONS)
    commands.clear()
    for other in ({"steps": 9}, {"num_views": 2}, {"data": "cifar10"}):
        (name,) = other
        with pytest.raises(RunError, match=f"simmim-0 was run with {name} = .*Give another"):
            compare(["simmim", "byol"], 1, tmp_path, {**OPTIONS, **other})
    assert commands == []
    # What a run finds out, or where its data lies, is no other run.
    compare(["simmim"], 1, tmp_path, {**OPTIONS, "precision": "auto", "data_dir": "elsewhere"})
    assert commands == []


def test_all_methods_get_the_same_views_but_for_mim():
    def options_of(method):
        shared = {**compare_module.ALIKE, "encoder": "resnet18", "width": 8, "num_views": 3}
        return compare_module.arguments_of(method, 0, shared)

    assert options_of("empssl")[2:] == options_of("simmim")[2:]
    for option in ("--num-views", "--crop-scale", "--encoder", "--width"):
        assert option in options_of("byol") and option not in options_of("mim")


def test_a_run_that_fails_ends_the_comparison(monkeypatch, tmp_path):
    monkeypatch.setattr(subprocess, "run", lambda command: SimpleNamespace(returncode=2))
    with pytest.raises(RunError, match="simmim-0 failed"):
        compare(["simmim"], 1, tmp_path, OPTIONS)


@pytest.mark.slow
def test_a_real_comparison_on_the_sample(tmp_path, capsys):
    options = {"steps": 3, "width": 4, "batch_size": 16, "data": "sample", "vit_depth": 1}
    rows = compare(["simmim", "mim"], 1, tmp_path, options)
    assert all(10 < row["knn"] < 60 for row in rows)
    assert all(row["images_seen"] == 48 for row in rows)
