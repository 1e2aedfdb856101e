"""Whole training, images in to weights updated, against lightly's SimCLR: images a second.

    python -m venv peer && peer/bin/pip install lightly
    python benchmarks/pipeline.py --peer-python peer/bin/python --data cifar10 --data-dir DIR

Prints a Markdown table with a ratio to lightly in each row; about 20 minutes on 2 cores.

- ours: what `keras-simmim pretrain` builds and fits with ResNet-18 and two views (attention head
  of 4 angles, Adam, the faster precision of this machine, the backend of `KERAS_BACKEND`), without
  its logs and kNN looks. Once with the peer's encoder, once with the command line's own, whose stem
  has stride 2: its maps have a quarter of the positions, so it computes much less.
- lightly: its SimCLRTransform without blur on Pillow images in a DataLoader of a worker a core, its
  SimCLRProjectionHead and NTXentLoss; ResNet-18 of torchvision's blocks with the 3x3 stem of
  CIFAR, SGD, float32, channels_last, not compiled (lightly_simclr.py).

Each block begins with uncounted steps, as a loader's queue fills while its rival waits.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from contest import Rival, contest, medians, ratio, run, serve

WARM_UP = 8  # steps: the first compiles, and the loader's queue holds 4 batches
RIVALS = {
    "ours": "3x3 stem, as lightly's",
    "ours, default stem": "3x3/2 stem, SMALLER than lightly's",
    "lightly": "3x3 stem",
}


def ours(images, options):
    import keras

    from keras_simmim import backend, datasets
    from keras_simmim.runs.build import build_method, build_optimizer
    from keras_simmim.runs.run_config import RunConfig

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch in (WARM_UP - 1, WARM_UP + options.steps - 1):
                float(logs["loss"])  # waits for the step, where steps are only queued
                self.times.append(time.perf_counter())

    precision, _ = backend.preferred_precision()
    keras.config.set_dtype_policy(precision)
    stem = "3x3" if options.rival == "ours" else "auto"
    config = RunConfig(
        encoder="resnet18",
        stem=stem,
        width=options.width,
        num_views=2,
        batch_size=options.batch_size,
        optimizer="adam",
        stages=1,
    )
    model = build_method(config, images[:256])
    batches = datasets.ArrayBatches(
        images, batch_size=config.batch_size, steps_per_epoch=WARM_UP + options.steps
    )
    steps_per_pass = batches.steps_per_pass
    model.compile(build_optimizer(config, 100 * steps_per_pass, steps_per_pass))
    clock = Clock()

    def seconds():
        clock.times = []
        model.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
        return clock.times[1] - clock.times[0]

    return seconds


def lightly(images, options):
    from lightly_simclr import SimCLR

    peer = SimCLR(images, options.width, options.batch_size)

    def train(steps):
        start = time.perf_counter()
        for _ in range(steps):
            peer.step()
        return time.perf_counter() - start

    def seconds():
        train(WARM_UP)
        counted = train(options.steps)
        # The workers go on until the queue of 4 is full: not at the next rival's cost.
        time.sleep(4 * counted / options.steps)
        return counted

    return seconds


def serve_rival(options):
    import numpy as np

    seconds = (lightly if options.rival == "lightly" else ours)(np.load(options.images), options)
    serve(lambda: {"images_per_second": options.steps * options.batch_size / seconds()})


def compare(options):
    import keras
    import numpy as np

    import keras_simmim as ks

    images, _ = ks.datasets.load(options.data, data_dir=options.data_dir)
    precision, _ = ks.backend.preferred_precision()
    print(f"ours: {keras.backend.backend()} in {precision}; batch {options.batch_size}\n")
    print("| | encoder: ResNet-18 | width | images/s | ratio to lightly |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        np.save(path, images)
        for width in options.widths:
            rivals = []
            for name in RIVALS:
                python = options.peer_python if name == "lightly" else sys.executable
                arguments = ["--rival", name, "--images", path, "--width", width]
                rivals.append(Rival(name, [python, __file__, *sys.argv[1:], *arguments]))
            results = contest(rivals, options.rounds)
            for name, speed in medians(results, "images_per_second").items():
                factor = ratio(results, "images_per_second", name, "lightly")
                row = f"| {name} | {RIVALS[name]} | {width} | {speed:,.0f} | {factor:.2f} |"
                print(row, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="a Python that has lightly")
    parser.add_argument("--data", default="cifar10", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=60, help="counted steps of a block")
    parser.add_argument("--rounds", type=int, default=3)
    # What it starts its rivals with.
    parser.add_argument("--images", help=argparse.SUPPRESS)
    parser.add_argument("--width", type=int, help=argparse.SUPPRESS)
    run(parser, serve_rival, compare, RIVALS)


if __name__ == "__main__":
    main()
