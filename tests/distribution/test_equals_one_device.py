"""What several replicas train equals what one device trains on the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

BACKEND = keras.backend.backend()
WORKER = Path(__file__).parent / "worker.py"
METHODS = ("SimMIM", "SimCLR", "MoCo", "BYOL", "EMPSSL", "MaskedImageModel")
SLOW = (
    *(f"{method}-{optimizer}" for method in METHODS for optimizer in ("sgd", "adam")),
    *("SimMIM-muon", "SimMIM-lars", "SimMIM-sgd-tiles"),
    *("SimMIM-accumulate", "MoCo-accumulate", "BYOL-accumulate"),
    # torch refuses it.
    *(() if BACKEND == "torch" else ("Unused-sgd",)),
)
BFLOAT16 = ("SimMIM-slow-bfloat16", "BYOL-slow-bfloat16")
DATA = ("numpy", "split", "ragged", "folder", "loader", "tfdata")
FAULTS = ("nogather", "nogradient", "nosync", "noscaling")


def train(folder, replicas, cases):
    """Runs the worker, on torch in a process for each replica."""
    command = [sys.executable]
    if BACKEND == "torch":
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={replicas}"]
    # A thread for each process: torchrun's own default, but without its warning.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, WORKER, folder, str(replicas), *cases], env=environment, check=True)


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow")
    for replicas in (1, 2, 4):
        train(folder, replicas, [*SLOW, *BFLOAT16])
    if BACKEND != "jax":
        train(folder, 2, [f"SimMIM-sgd-{fault}" for fault in FAULTS])
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for index in range(40):
        pixels = rng.integers(0, 256, (16, 16, 3)).astype("uint8")
        Image.fromarray(pixels).save(folder / "photos" / f"{index}.png")
    for replicas in (1, 2):
        train(folder, replicas, [f"data-{kind}" for kind in DATA])
    return folder


def differences(folder, case, replicas, of=None):
    """The largest of the loss history, of the other metrics, of all weights and of features."""
    one, many = (
        np.load(folder / f"{name}.npz") for name in (f"{of or case}-1", f"{case}-{replicas}")
    )
    assert set(one.files) == set(many.files)
    found = {"loss": 0.0, "metrics": 0.0, "rates": 0.0, "weights": 0.0, "features": 0.0}
    for name in one.files:
        kind = "weights" if name.startswith("weight") else "metrics"
        kind = "loss" if name.endswith("loss") else kind
        kind = "features" if name == "features" else kind
        kind = "rates" if name.endswith("accuracy") else kind
        a, b = one[name].astype("float64"), many[name].astype("float64")
        found[kind] = max(found[kind], np.max(np.abs(a - b) / np.maximum(1.0, np.abs(a))))
    return found


def check_equal(folder, case, replicas):
    losses = np.load(folder / f"{case}-1.npz")["history_loss"]
    assert len(np.unique(losses)) == 5
    found = differences(folder, case, replicas)
    assert max(found["loss"], found["weights"]) < 1e-5, found
    # What the encoder makes of the weights' rounding.
    assert found["features"] < 1e-4, found
    assert found["metrics"] < 5e-3, found
    # A rate of right answers jumps where a rounding error turns one.
    assert found["rates"] < 0.02, found


def test_two_replicas(tmp_path):
    for replicas in (1, 2):
        train(tmp_path, replicas, ["SimMIM-sgd"])
    check_equal(tmp_path, "SimMIM-sgd", 2)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 4])
@pytest.mark.parametrize("case", SLOW)
def test_all_methods(slow, case, replicas):
    check_equal(slow, case, replicas)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 4])
@pytest.mark.parametrize("case", BFLOAT16)
def test_bfloat16(slow, case, replicas):
    assert differences(slow, case, replicas)["loss"] < 0.02


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "jax", reason="one program for the whole batch")
@pytest.mark.parametrize("fault", FAULTS)
def test_the_comparison_finds_a_fault(slow, fault):
    found = differences(slow, f"SimMIM-sgd-{fault}", 2, of="SimMIM-sgd")
    assert found["weights"] > 1e-3, found


@pytest.mark.slow
@pytest.mark.parametrize("kind", DATA)
def test_every_kind_of_data(data, kind):
    found = differences(data, f"data-{kind}", 2)
    assert found["loss"] < 1e-5, found


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_what_four_replicas_trained_loads_on_one_device(slow, backend):
    path = slow / "SimMIM-sgd-4.keras"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, WORKER, "load", path], env=environment, check=True)
    expected, of_batches = np.split(np.load(slow / "SimMIM-sgd-4.npz")["features"], 2)
    np.testing.assert_allclose(np.load(f"{path}.npy"), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(of_batches, expected, rtol=1e-5, atol=1e-5)
