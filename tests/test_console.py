"""Commands print what is meant for people, and nothing else, on either stream."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

COMMAND = Path(sys.executable).with_name("keras-simmim")
# What each says, line by line.
PRETRAIN = (
    r"SimMIM on 5,000 images of sample: resnet10 of 19,932 parameters, 4 views, batch 32, .*",
    r"\w+ \(as asked\) in \w+ \(.*\), 1 epochs of 2 steps, into .*",
    r"kNN accuracy of the untrained encoder on 1,000 test images: [\d.]+%",
    r"epoch 1 of 1: loss [\d.]+, contrastive accuracy [\d.]+%, kNN accuracy [\d.]+%, .* images/s",
    r"Trained for [\d.]+ minutes, saved .*model\.keras",
    r"kNN accuracy on 1,000 test images: [\d.]+% trained, [\d.]+% loaded back \(.* untrained\)",
)
REPORT = r".*report\.html"
EVALUATE = (
    r"kNN accuracy of .*model\.keras on 1,000 test images of sample: [\d.]+% \(k=200, .*\)",
    r"Linear probe of .*model\.keras on 1,000 test images of sample: [\d.]+%",
)
FORMS = ("onnx", "onnx-float16", "litert", "litert-int8", "saved-model", "torch-export")
EXPORT = tuple(rf"{form}: .*, [\d.]+ MB, differs from Keras by .*, cosine [\d.]+" for form in FORMS)


def lines_of(*arguments):
    """All that a command writes, with nothing in its environment that makes it quiet."""
    environment = {**os.environ}
    for name in ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS"):
        environment.pop(name, None)
    done = subprocess.run(
        [COMMAND, *map(str, arguments), "--backend", keras.backend.backend()],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def check(lines, meant):
    unmeant = [line for line in lines if not any(re.fullmatch(each, line) for each in meant)]
    assert not unmeant
    assert len(lines) == len(meant)


def pretrain(run, *options):
    tiny = "--data sample --steps 2 --batch-size 32 --width 4".split()
    return lines_of("pretrain", *tiny, "--output", run, *options)


def test_pretrain(tmp_path):
    check(pretrain(tmp_path / "run", "--no-report"), PRETRAIN)
    header = (tmp_path / "run/history.csv").read_text().splitlines()[0]
    assert "val_" not in header


@pytest.mark.slow
def test_a_run_and_what_follows(tmp_path):
    run = tmp_path / "run"
    check(pretrain(run), (*PRETRAIN, f"What was learnt: {REPORT}"))
    check(lines_of("evaluate", run, "--linear-probe"), EVALUATE)
    check(lines_of("report", run), (REPORT,))
    check(lines_of("export", run, "--to", ",".join(FORMS)), EXPORT)
