"""kNN accuracy on CIFAR-10 after the same number of images on each backend, for several seeds.

    python benchmarks/accuracy_by_backend.py --data-dir ~/tensorflow_datasets

ResNet-18 with the stem "3x3/2", two views, batch 256, Adam at 2e-3, float32. Prints a Markdown
table. JAX takes most of the time: half an hour on 2 cores.
"""

import argparse
import os
import tempfile
from pathlib import Path

from command_line import add_options, arguments_of, print_head, print_row, results_of

BACKENDS = ("tensorflow", "jax", "torch")
RECIPE = {
    "encoder": "resnet18",
    "num-views": 2,
    "temperature": 0.2,
    "batch-size": 256,
    "optimizer": "adam",
    "learning-rate": 2e-3,
    "precision": "float32",
}


def accuracy(backend, seed, options, folder):
    run = folder / f"{backend}-{seed}"
    recipe = [str(part) for name, value in RECIPE.items() for part in (f"--{name}", value)]
    arguments = [*arguments_of(seed, run, options), *recipe, "--no-whiten-stem"]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    return results_of(run, arguments, env=environment)["knn_accuracy"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    options = parser.parse_args()
    print_head(["backend"], options)
    with tempfile.TemporaryDirectory() as name:
        for backend in BACKENDS:
            print_row(
                backend, [accuracy(backend, seed, options, Path(name)) for seed in options.seeds]
            )


if __name__ == "__main__":
    main()
