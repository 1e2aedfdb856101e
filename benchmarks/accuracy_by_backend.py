"""kNN accuracy on CIFAR-10 after the same number of images on each backend, for several seeds.

    python benchmarks/accuracy_by_backend.py --data-dir ~/tensorflow_datasets

ResNet-18 with the stem "3x3/2", two views, batch 256, Adam at 2e-3, float32. Prints a Markdown
table. JAX takes most of the time: half an hour on 2 cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")


def accuracy(backend, seed, options, folder):
    """Accuracy of a run of the command line in a process of its own."""
    run = Path(folder) / f"{backend}-{seed}"
    command = [sys.executable, "-m", "keras_simmim", "pretrain", "--data", options.data]
    command += ["--output", str(run), "--seed", str(seed), "--epochs", str(options.epochs)]
    command += ["--encoder", "resnet18", "--width", str(options.width), "--num-views", "2"]
    command += ["--batch-size", "256", "--optimizer", "adam", "--learning-rate", "2e-3"]
    command += ["--no-whiten-stem"]
    command += ["--precision", "float32", "--knn-every", "0"]
    if options.data_dir:
        command += ["--data-dir", options.data_dir]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)
    return json.loads((run / "results.json").read_text())["knn_accuracy"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    seeds = " | ".join(f"seed {seed}" for seed in options.seeds)
    print(f"| backend | {seeds} | mean |")
    print("| --- " * (len(options.seeds) + 2) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for backend in BACKENDS:
            accuracies = [accuracy(backend, seed, options, folder) for seed in options.seeds]
            mean = sum(accuracies) / len(accuracies)
            cells = " | ".join(f"{value:.1%}" for value in accuracies)
            print(f"| {backend} | {cells} | {mean:.1%} |", flush=True)


if __name__ == "__main__":
    main()
