"""`keras-simmim pretrain --devices`: stopped, it goes on, on as many devices as there are."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
SETTINGS = "--data sample --epochs 3 --batch-size 500 --width 4 --num-views 2 --knn-every 1"


def command(*arguments):
    return [sys.executable, "-m", "keras_simmim", "pretrain", *map(str, arguments)]


def losses(run):
    with (run / "history.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run on one device."""
    run = tmp_path_factory.mktemp("one") / "run"
    subprocess.run(
        command(*SETTINGS.split(), "--precision", "float32", "--output", run), check=True
    )
    return run


@pytest.mark.parametrize("then", [[], ["--devices", 2]])
def test_a_killed_run_goes_on(undisturbed, tmp_path, then):
    run = tmp_path / "run"
    settings = [*SETTINGS.split(), "--precision", "float32", "--devices", 2, "--output", run]
    process = subprocess.Popen(command(*settings), start_new_session=True)
    end = time.monotonic() + 300
    while not (run / "checkpoint" / "step-00000010").exists():  # the first epoch's end
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not Path(run / "model.keras").exists()
    subprocess.run(command("--resume", "--output", run, *then), check=True)
    np.testing.assert_allclose(losses(run), losses(undisturbed), rtol=1e-3)


def test_what_is_given_wrong_is_said_once(tmp_path):
    arguments = ["--data", "nothing", "--devices", 2, "--output", tmp_path / "run"]
    result = subprocess.run(command(*arguments), stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert result.stderr.count("Received: 'nothing'") == 1
    assert "Traceback" not in result.stderr
