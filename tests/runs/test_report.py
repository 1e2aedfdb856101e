import json
import re
import sys

import keras
import pytest

from keras_simmim.runs import RunConfig, RunError, list_runs, pretrain, report

pytest.importorskip("plotly")


def figures(page):
    """The figures of a page by the name of their place."""
    text = re.search(r'<script id="figures"[^>]*>(.*?)</script>', page, re.S)[1]
    return json.loads(text)


def test_of_a_run_before_and_after_its_end(small_data, small_config, tmp_path, capsys):
    run = tmp_path / "my run"
    small_config.backend = keras.backend.backend()
    pretrain(small_config, run)
    assert report([run]) == run / "report.html"
    page = (run / "report.html").read_text()
    assert len(page) < 10e6
    results = json.loads((run / "results.json").read_text())
    assert f"<strong>{results['knn_accuracy']:.1%}</strong>" in page
    assert f"keras {keras.version()}" in page and "Versions</dt>" in page
    for what in ("Angles", "stage_3", "Nearest neighbours", "Views", "airplane", "12 test images"):
        assert what in page, what
    drawn = figures(page)
    titles = re.findall(r'<div class="curve"><h3>(.*?)</h3>', page)
    assert titles[0] == "Loss" and "Alignment against uniformity" in titles and "RankMe" in titles
    assert {"map-0", "confusion-0", "classes-0"} < set(drawn)
    capsys.readouterr()
    (row,) = list_runs(tmp_path)
    assert (row["run"], row["state"], row["method"]) == ("my run", "ended", "simmim")
    assert row["kNN"] == f"{results['knn_accuracy']:.1%}"
    assert "| my run" in capsys.readouterr().out

    # As it would be left by a stop: what the checkpoint holds is looked at.
    for name in ("model.keras", "results.json"):
        (run / name).unlink()
    early = report([run], tmp_path / "early.html").read_text()
    assert "Versions, of the report" in early
    again = figures(early)
    assert again["map-0"]["data"] == drawn["map-0"]["data"]
    (row,) = list_runs(run)
    assert row["state"] == "at epoch 4 of 4"


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
    assert ("Angles" in page) == (method == "simmim")
    assert ("Reconstructions" in page) == (method == "mim")


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
