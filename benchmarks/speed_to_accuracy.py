"""kNN accuracy for minutes on full CIFAR-10: ours in a quarter of lightly's time, and in as much.

    python benchmarks/speed_to_accuracy.py --peer-python peer/bin/python --data-dir DIR

- lightly: its SimCLR by its own recipe (SGD 0.06 x batch / 128 with a cosine that ends with the
  time, temperature 0.5, its transform), ResNet-18 of width 16, float32, batch 128.
- ours: `keras-simmim pretrain --data cifar10 --minutes M --stages 1 --crop-scale 0.2 1`, nothing
  else set, for a quarter of lightly's minutes and for all of them.

All are judged alike: features of whole images, k = 200, temperature 0.1, 50,000 images vote on
10,000. Minutes are wall time from the start of the process that trains, without the judging. Takes
an hour and a quarter on 2 cores for two seeds.
"""

import argparse
import math
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from command_line import LARGE_CROPS, results_of

_STARTED = time.monotonic()


def train_peer(folder, options):
    """Trains lightly's SimCLR until the time is spent and writes its features."""
    import torch
    from lightly_simclr import SimCLR

    torch.manual_seed(options.seed)
    peer = SimCLR(np.load(folder / "train.npy"), width=16, batch_size=128)
    peak = peer.optimizer.param_groups[0]["lr"]
    while (spent := (time.monotonic() - _STARTED) / (60 * options.minutes)) < 1:
        peer.optimizer.param_groups[0]["lr"] = peak * 0.5 * (1 + math.cos(math.pi * spent))
        peer.step()
    # The transform's own normalisation.
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    peer.encoder.eval()
    for split in ("train", "test"):
        images = torch.from_numpy(np.load(folder / f"{split}.npy")).permute(0, 3, 1, 2)
        with torch.no_grad():
            parts = (((part / 255 - mean) / std).to(peer.device) for part in images.split(500))
            features = [peer.encoder(part).cpu() for part in parts]
        np.save(folder / f"{split}_features.npy", torch.cat(features).numpy())


def peer_accuracy(seed, labels, folder, options):
    from keras_simmim.evaluation import knn_accuracy

    command = [options.peer_python, __file__, "--peer-folder", str(folder)]
    command += ["--minutes", str(options.minutes), "--seed", str(seed)]
    subprocess.run(command, check=True)
    features = [np.load(folder / f"{split}_features.npy") for split in ("train", "test")]
    return knn_accuracy(features[0], labels[0], features[1], labels[1])


def our_accuracy(minutes, seed, folder, options):
    run = folder / f"{minutes}-{seed}"
    arguments = ["--data", "cifar10", "--minutes", str(minutes), "--seed", str(seed)]
    arguments += ["--stages", "1", *LARGE_CROPS, "--output", str(run)]
    if options.data_dir:
        arguments += ["--data-dir", options.data_dir]
    results = results_of(run, arguments)
    return results["knn_accuracy"], results["training_minutes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="a Python that has lightly; without it ours alone")
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--minutes", type=float, default=10, help="lightly's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    # What it starts the peer with.
    parser.add_argument("--peer-folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer_folder:
        return train_peer(options.peer_folder, options)

    from keras_simmim import datasets

    print("| | seed | minutes | kNN accuracy |")
    print("| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder, labels = Path(name), []
        for split in ("train", "test"):
            images, split_labels = datasets.load("cifar10", split, data_dir=options.data_dir)
            np.save(folder / f"{split}.npy", images)
            labels.append(split_labels)
        for seed in options.seeds:
            if options.peer_python:
                accuracy = peer_accuracy(seed, labels, folder, options)
                row = f"| lightly | {seed} | {options.minutes:.1f} | {accuracy:.1%} |"
                print(row, flush=True)
            for minutes in (options.minutes / 4, options.minutes):
                accuracy, spent = our_accuracy(minutes, seed, folder, options)
                print(f"| ours | {seed} | {spent:.1f} | {accuracy:.1%} |", flush=True)


if __name__ == "__main__":
    main()
