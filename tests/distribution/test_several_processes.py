"""Several processes, as on several machines, train what one does, and end together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()
WORKER = Path(__file__).parent / "worker.py"
CASES = ("SimMIM-sgd", "MoCo-adam")
pytestmark = pytest.mark.slow


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(arguments, count=2, **kwargs):
    """Starts the processes that one machine each would have, the way of the backend."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    processes = []
    for index in range(count):
        command = [sys.executable]
        if BACKEND == "torch":
            host, port = addresses[0].split(":")
            command += ["-m", "torch.distributed.run", f"--nnodes={count}", "--nproc-per-node=1"]
            command += [f"--node-rank={index}", f"--master-addr={host}", f"--master-port={port}"]
        environment = {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            ),
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": ",".join(addresses),
            "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
            "KERAS_DISTRIBUTION_PROCESS_ID": str(index),
            "OMP_NUM_THREADS": "1",
        }
        processes.append(
            subprocess.Popen(
                [*command, WORKER, *map(str, arguments)],
                env={**os.environ, **environment},
                **kwargs,
            )
        )
    return processes


@pytest.mark.parametrize("devices", [2, 4] if BACKEND == "jax" else [2])
def test_they_train_what_one_does(tmp_path, devices):
    launcher = ["-m", "torch.distributed.run", "--standalone"] if BACKEND == "torch" else []
    subprocess.run([sys.executable, *launcher, WORKER, tmp_path, "1", *CASES], check=True)
    for process in start([tmp_path, devices, *CASES]):
        assert process.wait(300) == 0
    for case in CASES:
        one, many = (np.load(tmp_path / f"{case}-{replicas}.npz") for replicas in (1, devices))
        assert set(one.files) == set(many.files)
        for name in one.files:
            # What is measured is what the encoder makes of the weights' rounding, and rates of
            # right answers jump where that turns one.
            exact = name.startswith("weight") or name.endswith("loss")
            tolerance = 0.02 if name.endswith("accuracy") else 1e-5 if exact else 1e-4
            np.testing.assert_allclose(
                one[name], many[name], rtol=1e-5, atol=tolerance, err_msg=name
            )


@pytest.mark.parametrize("victim", [0, 1])
def test_where_one_is_killed_the_other_ends(tmp_path, victim):
    processes = start([tmp_path, 2, "forever"], stderr=subprocess.PIPE, text=True)
    began = time.monotonic()
    while not (tmp_path / "training").exists():
        time.sleep(0.5)
        assert all(process.poll() is None for process in processes)
        assert time.monotonic() < began + 200
    # Under torch the process that torchrun has started.
    pid = int((tmp_path / f"pid-{victim}").read_text())
    os.kill(pid, signal.SIGKILL)
    _, errors = processes[1 - victim].communicate(timeout=60)
    assert processes[1 - victim].returncode != 0
    assert errors.count("ConnectionError: Another process of the training has ended") == 1
    processes[victim].communicate(timeout=60)
