"""Which share of the time training waits for images: `input_wait` in a run's history.

    python benchmarks/input_wait.py --data-dir DIR

Two runs of the command line, by its defaults but for attention on the last stage alone: CIFAR-10 in
memory, and a folder of JPEGs of 500 x 375 pixels (CIFAR-10's images, enlarged) at 224 px, batch 32,
ResNet-18 of width 64. The first epoch, which compiles, is left out. Takes about 15 minutes on 2
cores.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image


def input_wait(run, arguments):
    """Mean shares of the epochs but the first, and images a second."""
    command = [sys.executable, "-m", "keras_simmim", "pretrain", "--output", str(run)]
    command += ["--epochs", "2", "--knn-every", "0", "--stages", "1", *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)
    with (run / "history.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    return float(last["input_wait"]), float(last["images_per_second"])


def write_jpegs(folder, count, data_dir):
    import keras_simmim as ks

    images, _ = ks.datasets.load("cifar10" if data_dir else "sample", data_dir=data_dir)
    folder.mkdir()
    for index in range(count):
        image = Image.fromarray(images[index]).resize((500, 375), Image.Resampling.BICUBIC)
        image.save(folder / f"{index}.jpg", quality=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--jpegs", type=int, default=2000)
    parser.add_argument("--width", type=int, default=64, help="of the folder's encoder")
    options = parser.parse_args()
    print("| | images/s | share spent waiting for input |")
    print("| --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "jpegs"
        write_jpegs(folder, options.jpegs, options.data_dir)
        memory = ["--data", "cifar10", "--data-dir", options.data_dir]
        if not options.data_dir:
            memory = ["--data", "sample"]
        disk = ["--data", str(folder), "--image-size", "224", "--batch-size", "32"]
        disk += ["--width", str(options.width)]
        for label, arguments in (("in memory, 32 px", memory), ("folder of JPEGs, 224 px", disk)):
            share, speed = input_wait(Path(name) / label, arguments)
            print(f"| {label} | {speed:,.0f} | {share:.1%} |", flush=True)


if __name__ == "__main__":
    main()
