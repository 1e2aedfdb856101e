import json
import re
import shutil
import sys

import keras
import numpy as np
import pytest

from keras_simmim.runs import Checkpoint, RunConfig, RunError, list_runs, pretrain, report
from keras_simmim.runs.build import build_method, build_optimizer
from keras_simmim.runs.load_run import load_run
from keras_simmim.runs.run_data import RunData

pytest.importorskip("plotly")


def figures(page):
    """The figures of a page by the name of their place."""
    text = re.search(r'<script id="figures"[^>]*>(.*?)</script>', page, re.S)[1]
    return json.loads(text)


@pytest.fixture
def made_up_run(small_data, small_config, tmp_path):
    """A run folder as training would leave it, of a model that is as it was made."""
    run = tmp_path / "my run"
    run.mkdir()
    small_config.backend = keras.backend.backend()
    small_config.total_steps, small_config.steps_per_epoch = 8, 2
    model = build_method(small_config, RunData.load(small_config).some_images())
    small_config.to_json(run / "config.json")
    model.compile(optimizer=build_optimizer(small_config, 8, 2))
    model.optimizer.build(model.trainable_variables)
    model.save(run / "model.keras")
    checkpoint = Checkpoint(run / "checkpoint", 2, started=0.0)
    checkpoint.set_model(model)
    checkpoint.set_params({"epochs": 4})
    checkpoint.on_epoch_end(3)
    rows = [f"{e},{4 - e},{0.3 - 0.05 * e},{-1 - e},0.5,{10 + e}" for e in range(4)]
    header = "epoch,loss,alignment,uniformity,knn_accuracy,rankme"
    (run / "history.csv").write_text("\n".join([header, *rows]) + "\n")
    results = {"knn_accuracy": 0.512, "knn_accuracy_untrained": 0.4, "training_minutes": 3.0}
    results["versions"] = {"keras": "3.99"}
    (run / "results.json").write_text(json.dumps(results))
    return run, model


def test_of_a_run(made_up_run, tmp_path, capsys):
    run, _ = made_up_run
    assert report([run]) == run / "report.html"
    page = (run / "report.html").read_text()
    assert len(page) < 10e6
    for what in (
        "<strong>51.2%</strong>",
        "keras 3.99",
        "Versions</dt>",
        "<h2>Angles",
        "stage_3",
        "Nearest neighbours",
        "airplane",
        "12 test images",
        "Alignment against uniformity",
        "still improving",
        "--width 2",
    ):
        assert what in page, what
    assert {"map-0", "confusion-0", "classes-0"} < set(figures(page))

    (row,) = list_runs(tmp_path)
    assert (row["run"], row["state"], row["method"]) == ("my run", "ended", "simmim")
    assert (row["kNN"], row["minutes"]) == ("51.2%", "3.0")
    assert "| my run" in capsys.readouterr().out
    (run / "results.json").unlink()
    (row,) = list_runs(run)
    assert (row["state"], row["kNN"]) == ("at epoch 4 of 4", "50.0%")


def test_before_the_end_it_is_of_the_checkpoint(made_up_run):
    run, model = made_up_run
    (run / "model.keras").unlink()
    for one, other in zip(load_run(run).weights, model.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other)
        )
    shutil.rmtree(run / "checkpoint")
    with pytest.raises(RunError, match="has no checkpoint yet"):
        load_run(run)


@pytest.mark.slow
def test_of_a_run_that_was_trained(small_data, small_config, tmp_path):
    pretrain(small_config, tmp_path / "run")
    page = report([tmp_path / "run"]).read_text()
    titles = re.findall(r'<div class="curve"><h3>(.*?)</h3>', page)
    assert len(titles) == 9
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert f"<strong>{results['knn_accuracy']:.1%}</strong>" in page
    assert f"keras {keras.version()}" in page


def test_what_cannot_be_reported_is_said(small_config, tmp_path, monkeypatch):
    with pytest.raises(RunError, match="is no run folder"):
        report([tmp_path])
    with pytest.raises(RunError, match="There are no runs in"):
        list_runs(tmp_path)
    (tmp_path / "config.json").write_text('{"another": "program\'s"}')
    with pytest.raises(RunError, match="There are no runs in"):
        list_runs(tmp_path)
    small_config.to_json(tmp_path / "config.json")
    assert list_runs(tmp_path)[0]["state"] == "not planned"
    with pytest.raises(RunError, match="has not ended an epoch"):
        report([tmp_path])
    with pytest.raises(RunError, match="--output"):
        report([tmp_path, tmp_path])
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(RunError, match=r"keras-simmim\[report\]"):
        report([tmp_path])
    monkeypatch.setitem(sys.modules, "tabulate", None)
    with pytest.raises(RunError, match=r"keras-simmim\[report\]"):
        list_runs(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("method", RunConfig.choices("method"))
def test_of_folders_with_every_method(image_folder, tmp_path, method):
    config = RunConfig(
        data=str(image_folder),
        image_size=16,
        method=method,
        width=12,
        vit_depth=1,
        batch_size=4,
        epochs=1,
        precision="float32",
    )
    pretrain(config, tmp_path / "run")
    page = report([tmp_path / "run"]).read_text()
    assert "too early to tell" in page and "cats" in page
    assert {"map-0", "confusion-0"} < set(figures(page))
    assert ("<h2>Angles" in page) == (method == "simmim")
    assert ("<h2>Reconstructions" in page) == (method == "mim")


@pytest.mark.slow
def test_of_a_folder_without_classes_beside_another(
    image_folder, small_data, small_config, tmp_path
):
    for index, path in enumerate(sorted(image_folder.rglob("*.png"))):
        path.rename(image_folder / f"{index}.png")
    config = RunConfig(
        data=str(image_folder), image_size=16, width=2, batch_size=4, epochs=4, precision="float32"
    )
    pretrain(config, tmp_path / "flat")
    pretrain(small_config, tmp_path / "sample")
    page = report([tmp_path / "flat", tmp_path / "sample"], tmp_path / "side.html").read_text()
    drawn = figures(page)
    assert {"map-0", "map-1", "confusion-1"} < set(drawn) and "confusion-0" not in drawn
    assert [trace["name"] for trace in drawn["curve-0"]["data"]] == ["flat", "sample"]
