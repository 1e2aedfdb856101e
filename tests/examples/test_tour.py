"""The notebook runs from its first cell to its last, and what it shows is there."""

import operator
import os
import re
import sys
from pathlib import Path

import keras
import pytest

import keras_simmim as ks

nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
import nbformat  # noqa: E402

ROOT = Path(__file__).parents[2]


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_it_is_kept_executed_and_small():
    path = ROOT / "examples/tour.ipynb"
    notebook = nbformat.read(path, 4)
    assert path.stat().st_size < 1e6
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum("image/png" in output.get("data", {}) for output in outputs(notebook)) == 4
    assert not [output for output in outputs(notebook) if output.output_type == "error"]


def test_what_it_names_is_there():
    source = "".join(cell.source for cell in nbformat.read(ROOT / "examples/tour.ipynb", 4).cells)
    names = set(re.findall(r"\bks((?:\.\w+)+)", source))
    assert len(names) > 10
    for name in names:
        operator.attrgetter(name[1:])(ks)


@pytest.mark.slow
def test_it_runs(tmp_path, monkeypatch):
    # Of this checkout, and with the command that is installed beside this Python.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    notebook = nbformat.read(ROOT / "examples/tour.ipynb", 4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert len(shown) == 4
    assert (tmp_path / "runs/tour/report.html").stat().st_size < 10e6
    text = "".join(output.get("text", "") for output in outputs(notebook))
    assert "kNN accuracy" in text and "| tour" in text
