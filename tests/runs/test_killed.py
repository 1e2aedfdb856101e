"""However a run is ended, it goes on and ends as if it had not been."""

import csv
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.slow
# 10 steps an epoch, a checkpoint after each step.
SETTINGS = (
    "--data sample --epochs 6 --batch-size 500 --width 2 --num-views 2 --num-heads 2 --knn-every 1 "
    "--precision float32 --deterministic --checkpoint-minutes 0"
)
TIMED = ("images_per_second", "input_wait", "minutes")


def start(*arguments, **kwargs):
    command = [sys.executable, "-m", "keras_simmim", "pretrain", *map(str, arguments)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **{**pipes, **kwargs})


def end(process):
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def steps(run):
    return [int(path.name[5:]) for path in (run / "checkpoint").glob("step-*")]


def rows(run):
    with (run / "history.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in TIMED} for row in csv.DictReader(file)]


def check_same(run, undisturbed):
    assert rows(run) == rows(undisturbed)
    models = [keras.saving.load_model(folder / "model.keras") for folder in (run, undisturbed)]
    states = [[*model.weights, *model.optimizer.variables] for model in models]
    for a, b in zip(*states, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), err_msg=a.path
        )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    end(start(*SETTINGS.split(), "--output", run))
    return run


def wait_until(condition, process):
    end = time.monotonic() + 300
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < end
        time.sleep(0.002)
    return True


def wait_for(kind, run, process, chance):
    """Returns when the run is where it is to be killed, False if it has ended before."""
    before = max(steps(run), default=0)
    if not wait_until(lambda: max(steps(run), default=0) > before, process):
        return False
    if kind == "training":
        time.sleep(chance.uniform(0.0, 0.3))
    elif kind == "checkpoint":
        return wait_until(lambda: list((run / "checkpoint").glob("partial-*")), process)
    else:
        # After the last checkpoint of an epoch come a step and the evaluation.
        if not wait_until(lambda: max(steps(run)) % 10 == 9, process):
            return False
        time.sleep(chance.uniform(0.1, 0.6))
    return True


def test_killed_twenty_times(undisturbed, tmp_path):
    chance, kills, kinds = random.Random(0), 0, ("training", "checkpoint", "training", "evaluation")
    while kills < 20:  # A run that has ended, as on a quick machine, is followed by another.
        run = tmp_path / f"killed-{kills}"
        process = start(*SETTINGS.split(), "--output", run)
        wait_until((run / "config.json").exists, process)
        while wait_for(kinds[kills % 4], run, process, chance):
            process.kill()
            process.communicate()
            kills += 1
            process = start("--resume", "--output", run)
        end(process)
        check_same(run, undisturbed)


@pytest.mark.parametrize("number,status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_by_a_checkpoint_and_a_command(undisturbed, tmp_path, number, status):
    run = tmp_path / "run with spaces"
    process = start(*SETTINGS.split(), "--output", run)
    assert wait_until(lambda: max(steps(run), default=0) >= 3, process)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == status
    said = re.search(r"Stopped after step (\d+), which is kept. Go on by: (.*)", errors)
    assert int(said[1]) in steps(run)
    assert said[2] == f"keras-simmim pretrain --output '{run}' --resume"
    end(start("--resume", "--output", run))
    check_same(run, undisturbed)


@pytest.fixture
def small_disk(tmp_path):
    """A folder with 10 MB of space, None where nothing may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", folder]
    if shutil.which("mount") is None or subprocess.run(command, stderr=subprocess.PIPE).returncode:
        yield None
        return
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk(undisturbed, small_disk, tmp_path):
    run = (small_disk or tmp_path) / "run"
    process = start(*SETTINGS.split(), "--output", run)
    assert wait_until(lambda: max(steps(run), default=0) >= 2, process)
    if small_disk is None:
        process.kill()
        process.communicate()
        # No file may get larger than 20 kB.
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # noqa: E731
        process = start("--resume", "--output", run, preexec_fn=limit)
    else:
        (small_disk / "other").write_bytes(bytes(free(small_disk) - 20_000))
    _, errors = process.communicate()
    assert process.returncode == 2, errors
    assert re.search("keras-simmim: Can't write .*--resume", errors), errors
    assert len(steps(run)) >= 2 and not list((run / "checkpoint").glob("partial-*"))
    if small_disk is not None:
        (small_disk / "other").unlink()
    end(start("--resume", "--output", run))
    check_same(run, undisturbed)


def free(folder):
    return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize


def test_the_second_run_into_a_folder(tmp_path):
    run = tmp_path / "run"
    first = start(*SETTINGS.split(), "--output", run)
    assert wait_until(lambda: (run / "config.json").exists(), first)
    second = start("--resume", "--output", run)
    _, errors = second.communicate()
    assert second.returncode == 2 and "Another run is writing into" in errors
    first.kill()
    first.communicate()
