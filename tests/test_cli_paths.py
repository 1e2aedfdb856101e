"""No path that a user can name ends a command by a traceback."""

import importlib
import json
from pathlib import Path

import click
import numpy as np
import pytest
from command_line import run

from keras_simmim import cli
from keras_simmim.runs import RunConfig

publish_module = importlib.import_module("keras_simmim.publish")
FUNCTIONS = {"runs": "list_runs"}
# What else a command needs, for its function to be called.
NEEDED = {"publish": ["--name", "x"], "compare": ["--steps", "5"]}


def check_one_line(answer, *words):
    status, out, err = answer
    assert status == 2 and out == "", answer
    assert err.startswith("keras-simmim: ") and err.count("\n") == 1, err
    for word in words:
        assert word in err


@pytest.fixture(autouse=True)
def somewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def a_run(tmp_path):
    """A run folder that has ended, but for what is in its models."""
    folder = tmp_path / "a run"
    folder.mkdir()
    RunConfig(backend=cli.keras.backend.backend()).to_json(folder / "config.json")
    results = {"training_minutes": 1.0, "images_seen": 10, "parameters": 10}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "history.csv").write_text("epoch,loss\n0,1.0\n")
    (folder / "model.keras").write_bytes(b"")
    return folder


def with_runs(command, run):
    """The command with the arguments that it can't do without."""
    arguments = [
        run for p in cli.commands.commands[command].params if isinstance(p, click.Argument)
    ]
    return [command, *arguments, *NEEDED.get(command, [])]


@pytest.mark.parametrize("command", cli.commands.commands)
def test_what_the_system_does_not_allow_is_said_in_one_line(capsys, monkeypatch, a_run, command):
    def fail(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "some/where")

    monkeypatch.setattr(cli, FUNCTIONS.get(command, command), fail)
    if command == "export":
        monkeypatch.setattr(cli, "images_of_run", lambda config: None)
    check_one_line(run(capsys, *with_runs(command, a_run)), "some/where: Permission denied.")


READ = {
    "config.json": ("pretrain", "evaluate", "report", "export", "publish", "runs"),
    "results.json": ("report", "publish"),
    "history.csv": ("report", "publish"),
    "model.keras": ("evaluate", "report", "export", "publish"),
}


@pytest.mark.parametrize("name,command", [(n, c) for n, commands in READ.items() for c in commands])
@pytest.mark.parametrize("how", ["damaged", "a folder", "missing"])
def test_damaged_runs(capsys, monkeypatch, a_run, name, command, how):
    pytest.importorskip("plotly")
    monkeypatch.setattr(publish_module, "load_data", lambda *args: [None] * 4)
    for module in (cli, publish_module):
        monkeypatch.setattr(module, "images_of_run", lambda config: np.zeros((1, 32, 32, 3)))
    (a_run / name).unlink()
    if how == "damaged":
        (a_run / name).write_bytes(b"\xff\x00{,\n1,2\n")
    elif how == "a folder":
        (a_run / name).mkdir()
    resume = ["--resume", "--output", a_run] if command == "pretrain" else []
    answer = run(capsys, *with_runs(command, a_run), *resume)
    missing_results = (name, command) == ("results.json", "report") and how != "damaged"
    # Of a run that has not ended there is a report; here its model stops it.
    check_one_line(answer, "model.keras" if missing_results else str(a_run))


def test_damaged_runs_are_listed_as_such(capsys, a_run):
    pytest.importorskip("tabulate")
    for name in ("results.json", "history.csv"):
        before = (a_run / name).read_bytes()
        (a_run / name).write_bytes(b"\xff{")
        status, out, _ = run(capsys, "runs", a_run)
        assert status == 0 and "damaged" in out
        (a_run / name).write_bytes(before)


@pytest.mark.parametrize("command", ["pretrain", "compare", "export", "publish"])
@pytest.mark.parametrize("output", ["file", "file/below", "/proc/below"])
def test_an_output_that_cannot_be_a_folder(capsys, monkeypatch, tmp_path, a_run, command, output):
    if command == "compare":
        pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr(cli, "images_of_run", lambda config: None)
    if (command, output) == ("publish", "file"):
        output = "file/"
    before = sorted(tmp_path.rglob("*"))
    answer = run(capsys, *with_runs(command, a_run), "--output", output)
    check_one_line(answer, output.rstrip("/"), "Give another output folder")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("output", ["folder", "file/below.html", "/proc/below.html"])
def test_a_page_that_cannot_be_written(capsys, tmp_path, a_run, output):
    pytest.importorskip("plotly")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    check_one_line(run(capsys, "report", a_run, "--output", output), output.split("/b")[0])


@pytest.mark.parametrize("command", ["evaluate", "export", "publish", "report", "pretrain"])
def test_a_configuration_that_may_not_be_read(capsys, monkeypatch, a_run, command):
    read_text = Path.read_text

    def read(self, *args, **kwargs):
        if self.name == "config.json":
            raise PermissionError(13, "Permission denied", str(self))
        return read_text(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", read)
    resume = ["--resume", "--output", a_run] if command == "pretrain" else []
    answer = run(capsys, *with_runs(command, a_run), *resume)
    check_one_line(answer, f"{a_run / 'config.json'}: Permission denied.")
    # It is passed over among others.
    check_one_line(run(capsys, "runs", a_run), "There are no runs in")


def test_a_name_that_is_too_long(capsys):
    for option in ("--output", "--data"):
        check_one_line(run(capsys, "pretrain", option, "x" * 300), "File name too long")


def test_what_reads_the_list_may_go(monkeypatch, a_run, capsys):
    def fail(*args):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(cli, "list_runs", fail)
    monkeypatch.setattr("sys.stdout", cli.sys.stdout)
    with pytest.raises(SystemExit) as exit:
        cli.main(["runs", str(a_run)])
    assert exit.value.code == 1 and capsys.readouterr().err == ""


def test_a_report_that_cannot_be_written_is_no_error_of_the_training(capsys, monkeypatch, a_run):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "pretrain", lambda *args, **kwargs: None)
    monkeypatch.setattr(cli, "report", fail)
    status, out, _ = run(capsys, "pretrain", "--output", a_run)
    assert status == 0 and "No report was written" in out and "keras-simmim report" in out
