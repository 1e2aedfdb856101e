"""Pre-training runs by the command line, which benchmarks compare by their accuracy."""

import json
import subprocess
import sys

import numpy as np

# What most tables were begun with, as a share of the area; the default is smaller by now.
CROP_SCALE = (0.2, 1.0)
LARGE_CROPS = ("--crop-scale", *map(str, CROP_SCALE))
_PRETRAIN = (sys.executable, "-m", "keras_simmim", "pretrain")


def add_options(parser):
    """Adds the options of the benchmarks that compare accuracies for several seeds."""
    parser.add_argument("--data", default="cifar10", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])


def arguments_of(seed, run, options):
    """Of `keras-simmim pretrain`, as strings."""
    arguments = {"data": options.data, "data-dir": options.data_dir, "output": run, "seed": seed}
    arguments |= {"epochs": options.epochs, "width": options.width, "knn-every": 0, "stages": 1}
    given = {name: value for name, value in arguments.items() if value is not None}
    typed = [str(part) for name, value in given.items() for part in (f"--{name}", value)]
    return [*typed, *LARGE_CROPS]


def results_of(run, arguments, command=_PRETRAIN, **kwargs):
    """What a run in a process of its own came to: its `results.json`."""
    subprocess.run([*command, *arguments], check=True, stdout=sys.stderr, **kwargs)
    return json.loads((run / "results.json").read_text())


def print_head(columns, options):
    seeds = [f"seed {seed}" for seed in options.seeds]
    names = [columns[0], *seeds, "mean", *columns[1:]]
    print(f"| {' | '.join(names)} |")
    print("| --- " * len(names) + "|", flush=True)


def print_row(name, accuracies, *cells):
    shown = [f"{value:.1%}" for value in (*accuracies, np.mean(accuracies))]
    print(f"| {' | '.join([name, *shown, *cells])} |", flush=True)
