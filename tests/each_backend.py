"""Runs a worker under each backend: Keras has one a process."""

import os
import subprocess
import sys

BACKENDS = ("tensorflow", "jax", "torch")


def train_and_load(worker, folder):
    """Has each backend train and save into a folder, and then load what the others saved."""
    for job in ("train", "load"):
        for backend in BACKENDS:
            subprocess.run(
                [sys.executable, str(worker), job, str(folder)],
                env={**os.environ, "KERAS_BACKEND": backend},
                check=True,
            )
