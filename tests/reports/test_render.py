import json
import re
import sys

import pytest
from reports.made_up import CLASSES, made_up_pictures, made_up_run

pytest.importorskip("plotly")
from keras_simmim.reports.render import render  # noqa: E402


def parts(page):
    """The page without Plotly, its figures and its thumbnails."""
    blocks = {
        name: json.loads(re.search(rf'<script id="{name}"[^>]*>(.*?)</script>', page, re.S)[1])
        for name in ("figures", "sprites")
    }
    return re.sub(r"<script>.*?</script>", "", page, flags=re.S), blocks


def test_one_run():
    run = made_up_run()
    page = render([run])
    html, blocks = parts(page)
    assert len(page) < 10e6
    # Nothing comes from elsewhere.
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", html)
    assert "http" not in html and "@import" not in html
    assert set(blocks["figures"]) == {
        *(f"curve-{index}" for index in range(9)),
        "map-0",
        "confusion-0",
        "classes-0",
    }
    for name in blocks["figures"]:
        assert f'id="{name}"' in html
    for text in (run.verdict.summary, "--crop-scale 0.2 1.0", "31%", "view 8", "2 more of each"):
        assert text in html
    assert "view 9" not in html and "<b>birds" not in html
    (sprite,) = blocks["sprites"].values()
    assert sprite["names"] == CLASSES and sprite["labels"][:4] == [0, 1, 2, 0]


def test_without_labels_there_are_no_classes():
    html, blocks = parts(render([made_up_run(pictures=made_up_pictures(labelled=False))]))
    assert "confusion-0" not in blocks["figures"] and "map-0" in blocks["figures"]
    assert "cosine similarity" in html and "green" not in html.replace("greenish", "")


def test_runs_side_by_side_share_curves_and_thumbnails():
    same = [made_up_run("first"), made_up_run("second", epochs=8)]
    other = made_up_run("third", pictures=made_up_pictures(seed=1))
    html, blocks = parts(render([*same, other]))
    assert [trace["name"] for trace in blocks["figures"]["curve-0"]["data"]] == [
        "first",
        "second",
        "third",
    ]
    assert len(blocks["sprites"]) == 2
    sprites = [blocks["figures"][f"map-{index}"]["sprite"] for index in range(3)]
    assert sprites[0] == sprites[1] != sprites[2]
    assert all(f'id="run-{index}"' in html for index in range(3))


def test_a_run_that_has_saved_nothing():
    run = made_up_run()
    run.pictures = None
    html, blocks = parts(render([run]))
    assert "saved no model yet" in html and blocks["sprites"] == {}


def test_what_was_not_measured_has_no_figure():
    run = made_up_run()
    run.history = {"loss": [2.0, 1.0], "knn_accuracy": [float("nan")] * 2}
    _, blocks = parts(render([run]))
    assert [name for name in blocks["figures"] if "curve" in name] == ["curve-0"]


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"keras-simmim\[report\]"):
        render([made_up_run()])
