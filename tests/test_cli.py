import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from command_line import run

from keras_simmim import __version__, cli
from keras_simmim.datasets import ImageFileError
from keras_simmim.export import Exported
from keras_simmim.runs import RunConfig
from keras_simmim.runs.defaults import ALIKE


@pytest.fixture
def calls(monkeypatch):
    """What the commands would do, without doing it."""
    calls = []
    monkeypatch.setattr(cli, "pretrain", lambda *args, **kwargs: calls.append((args, kwargs)))
    monkeypatch.setattr(cli, "compare", lambda *args, **kwargs: calls.append((args, kwargs)))
    monkeypatch.setattr(cli, "evaluate", lambda *args, **kwargs: calls.append((args, kwargs)))
    return calls


@pytest.mark.parametrize(
    "command,function,expected",
    [
        (
            "evaluate RUN --data cifar10 --test-data T --data-dir D --image-size 64 --k 5 "
            "--temperature 0.2 --batch-size 7 --num-views 3 --linear-probe --checkpoint best "
            "--skip-unreadable",
            "evaluate",
            {
                **{"run": "RUN", "data": "cifar10", "test_data": "T", "data_dir": "D", "k": 5},
                **{"temperature": 0.2, "batch_size": 7, "num_views": 3, "probe": True},
                **{"checkpoint": "best", "skip_unreadable": True, "image_size": 64},
            },
        ),
        (
            "publish RUN --name small --output O --test-data T --data-dir D --fine-tune 4 "
            "--licence MIT",
            "publish",
            {
                **{"run": "RUN", "folder": "O/small", "test_data": "T", "data_dir": "D"},
                **{"fine_tune_epochs": 4, "licence": "MIT"},
            },
        ),
        ("report RUN RUN --output page.html", "report", {"output": "page.html"}),
        ("runs RUN", "list_runs", {"folder": "RUN"}),
    ],
)
def test_each_option_is_the_argument_of_its_name(
    capsys, monkeypatch, tmp_path, command, function, expected
):
    (tmp_path / "RUN").mkdir()
    monkeypatch.chdir(tmp_path)
    signature, calls = inspect.signature(getattr(cli, function)), []
    results = {"knn_accuracy": 0.5, "int8_knn_accuracy": 0.4, "classifier_accuracy": 0.6}

    def call(*args, **kwargs):
        calls.append(signature.bind(*args, **kwargs).arguments)
        return results

    monkeypatch.setattr(cli, function, call)
    status, _, err = run(capsys, *command.split())
    assert status == 0, err
    given = {k: str(v) if isinstance(v, Path) else v for k, v in calls[0].items()}
    if function == "report":
        assert [str(path) for path in given.pop("runs")] == ["RUN", "RUN"]
    assert given == expected


def test_help_names_every_option(capsys):
    status, out, _ = run(capsys, "pretrain", "--help")
    assert status == 0 and "None" not in out
    for name in ("--data", "--minutes", "--crop-scale", "--precision", "--backend", "--resume"):
        assert name in out


def test_options_become_the_configuration(capsys, calls, tmp_path):
    options = ["--data", "cifar10", "--minutes", "2.5", "--crop-scale", "0.3", "0.8"]
    options += ["--deterministic", "--optimizer", "adam", "--output", str(tmp_path / "run")]
    status, _, _ = run(capsys, "pretrain", *options)
    assert status == 0
    (config, output), keywords = calls[0]
    assert config == RunConfig(
        data="cifar10",
        minutes=2.5,
        crop_scale=(0.3, 0.8),
        deterministic=True,
        optimizer="adam",
        backend=keras.backend.backend(),
    )
    assert output == tmp_path / "run"
    assert keywords["resume"] is False


def test_compare_shares_what_was_given(capsys, calls, tmp_path):
    options = ["--methods", "simmim,byol", "--steps", "5", "--crop-scale", "0.3", "1"]
    status, _, _ = run(capsys, "compare", *options, "--output", str(tmp_path))
    assert status == 0
    shared = {"steps": 5, "crop_scale": (0.3, 1.0)}
    assert calls == [((["simmim", "byol"], 2, tmp_path, shared), {})]


def test_help_of_compare_says_what_methods_share(capsys):
    _, out, _ = run(capsys, "compare", "--help")
    options = " ".join(out.split()).split(" --")
    for name, value in ALIKE.items():
        (option,) = (x for x in options if x.startswith(name.replace("_", "-") + " "))
        values = value if isinstance(value, tuple) else (value,)
        default = re.search(r"\[default: ([\d. ]+)(;.*)?\]", option)[1]
        assert tuple(map(float, default.split())) == values, name


def test_export_says_what_was_written(capsys, monkeypatch, tmp_path):
    asked = []

    def export(run, folder, to, images):
        asked.append((run, folder, to, images.shape))
        (tmp_path / "encoder.onnx").write_bytes(b"1234" * 1_000_000)
        return {"onnx": Exported(tmp_path / "encoder.onnx", 1.2e-6, 0.99999)}

    monkeypatch.setattr(cli, "export", export)
    RunConfig(data="sample", batch_size=100).to_json(tmp_path / "config.json")
    status, out, _ = run(capsys, "export", str(tmp_path), "--to", "onnx,litert")
    assert status == 0
    assert asked == [(tmp_path, tmp_path / "export", ["onnx", "litert"], (500, 32, 32, 3))]
    assert "encoder.onnx, 4.00 MB, differs from Keras by 1.2e-06, cosine 0.99999" in out
    # Without --to, what this environment can write.
    monkeypatch.setattr(cli, "usual_formats", lambda own: (["onnx"], ["litert is written by"]))
    status, out, _ = run(capsys, "export", str(tmp_path))
    assert status == 0 and asked[1][2] == ["onnx"]
    assert out.splitlines()[1:] == ["Not written: litert is written by"]


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["pretrain", "--epochs", "0"], "--epochs"),
        (["pretrain", "--epochs", "1", "--minutes", "1"], "exclude each other"),
        (["pretrain", "--epochs", "1", "--steps", "1"], "--epochs and --steps exclude"),
        (["pretrain", "--method", "mae"], "--method"),
        (["compare", "--methods", "simmim,mae", "--steps", "1"], "Received: simmim, mae"),
        (["compare", "--methods", "simmim"], "Give --minutes, --steps or --epochs"),
        (["compare", "--seed", "3"], "--seed"),
        (["compare", "--steps", "1", "--data", ".."], "give --test-data"),
        (["pretrain", "--optimizer", "lion"], "--optimizer"),
        (["pretrain", "--unknown"], "--unknown"),
        (["pretrain", "--resume"], "--resume needs --output"),
        (["pretrain", "--resume", "--output", "missing"], "is no run folder"),
        (["pretrain", "--data", "missing"], "Received: 'missing', where there is no folder"),
        (["pretrain", "--optimizer", "sgd", "--momentum", "1.5"], "momentum"),
        (["evaluate", ".", "--temperature", "0"], "--temperature"),
        (["evaluate", "missing"], "missing"),
        (["export", "missing"], "missing"),
        (["export", "..", "--to", "tflite"], "`to` must name formats"),
        (["export", "..", "--to", "litert-int8"], "give --data"),
        (["export", "..", "--data", ".."], "--image-size is needed"),
        (["publish", "..", "--name", "model"], "is no run folder"),
        (["publish", ".."], "--name"),
        (["train"], "train"),
    ],
)
def test_a_mistake_is_answered_in_one_line(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("keras-simmim: ") and err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir())


def test_a_file_that_breaks_during_training_is_answered_in_one_line(capsys, monkeypatch):
    def pretrain(*args, **kwargs):
        raise ImageFileError("猫/a\nb.png", OSError("No such file."))

    monkeypatch.setattr(cli, "pretrain", pretrain)
    status, _, err = run(capsys, "pretrain")
    assert status == 2
    assert err.startswith("keras-simmim: Can't read the image 猫/a b.png: No such file. Repair")
    assert err.count("\n") == 1


def test_resume_takes_the_runs_configuration(capsys, calls, tmp_path):
    config = RunConfig(width=4, precision="float32", backend=keras.backend.backend())
    config.to_json(tmp_path / "config.json")
    again = ["--resume", "--width", "4", "--precision", "auto"]
    status, _, _ = run(capsys, "pretrain", "--output", str(tmp_path), *again)
    assert status == 0
    assert calls[0][0] == (config, tmp_path) and calls[0][1]["resume"] is True


def test_resume_refuses_another_configuration(capsys, calls, tmp_path):
    RunConfig(width=4).to_json(tmp_path / "config.json")
    status, _, err = run(
        capsys, "pretrain", "--resume", "--output", str(tmp_path), "--width", "8", "--seed", "1"
    )
    assert status == 2 and calls == []
    assert "width = 4, seed = 0" in err and "Received: width = 8, seed = 1" in err


def test_another_backend_starts_the_command_again(capsys, calls, monkeypatch):
    started = []

    def execve(path, arguments, environment):
        started.append((arguments, environment["KERAS_BACKEND"]))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    other = "jax" if keras.backend.backend() != "jax" else "torch"
    monkeypatch.setattr("sys.argv", ["keras-simmim", "evaluate", ".", "--backend", other])
    run(capsys, "evaluate", ".", "--backend", other)
    assert started[0][0][1:] == ["-m", "keras_simmim", "evaluate", ".", "--backend", other]
    assert started[0][1] == other and calls == []


def test_devices_are_looked_for_after_determinism_is_asked_for(capsys, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(cli.engine, "enable_determinism", lambda: asked.append("determinism"))
    monkeypatch.setattr(cli.engine, "start_processes", lambda *args: asked.append("devices"))
    monkeypatch.setattr(cli.distribution, "data_parallel", lambda devices: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["pretrain", "--deterministic", "--devices", "2", "--output", str(tmp_path)])
    assert asked == ["determinism", "devices"]


@pytest.mark.parametrize("module", ["keras_simmim", "keras_simmim.cli"])
def test_run_as_a_module(module):
    command = [sys.executable, "-m", module]
    ended = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stdout.strip().endswith(__version__)
    assert "RuntimeWarning" not in ended.stderr
    ended = subprocess.run([*command, "runs", "nowhere"], capture_output=True, text=True)
    assert ended.returncode == 2 and "nowhere" in ended.stderr
