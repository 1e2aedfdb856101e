"""How time and memory of training grow with the batch, the views and the encoder's width.

    python benchmarks/growth.py

SimMIM as the command line makes it with ResNet-18 (the stem "3x3/2", Adam, the backend's preferred
precision) on random 32x32 images, one size varied at a time from batch 256, 2 views,
width 16. Factors are relative to the first row of each table; beside what was measured stands

- the law: the time of an image is constant in the batch, proportional to the views and, as
  channels come in and go out, to the square of the width; memory is proportional to
  batch x views x width;
- for time also the count of multiplications, forward and backward: the encoder's convolutions, and
  the comparisons of NT-Xent and its metric, whose share of an image grows with batch x views^2.

Making views does not grow with the width, and batch norm, ReLU and small products are bound by
memory, so at small widths time grows less than the square. Memory above the start is the high-water
mark (`ru_maxrss`) after training less the mark before the first step; it has a fixed part, of the
compiler and the weights, so that it grows less than the law at small sizes.

Each row is a process of its own; those of a table take turns, and must fit into memory together.
Images/s is the median of the rounds. Takes 10 minutes on 2 cores.
"""

import argparse
import json
import sys
import time

import contest
from products import resnet18_products

BASE = {"batch": 256, "views": 2, "width": 16}


def rival(options):
    import keras
    import numpy as np

    from keras_simmim import backend
    from keras_simmim.runs import RunConfig
    from keras_simmim.runs.build import build_method, build_optimizer

    batch, views, width = (json.loads(options.rival)[axis] for axis in BASE)
    policy, _ = backend.preferred_precision()
    keras.config.set_dtype_policy(policy)
    config = RunConfig(
        encoder="resnet18",
        stages=1,
        batch_size=batch,
        num_views=views,
        width=width,
        optimizer="adam",
    )
    images = np.random.default_rng(0).integers(0, 256, (batch, 32, 32, 3), "uint8")
    model = build_method(config, images)
    model.compile(optimizer=build_optimizer(config, total_steps=10_000, steps_per_pass=100))
    products = multiplications(model, batch, views)
    before = contest.reset_peak()  # imports may have needed more for a while
    for _ in range(2):  # the first compiles
        model.train_on_batch(images)

    def block():
        steps, start = 0, time.perf_counter()
        while steps < 2 or time.perf_counter() - start < options.seconds:
            model.train_on_batch(images)
            steps += 1
        rate = steps * batch / (time.perf_counter() - start)
        peak = contest.peak()
        return {"rate": rate, "peak": peak, "above": peak - before, "products": products}

    contest.serve(block)


def multiplications(model, batch, views):
    """Of a training step, for each image."""
    # Forward, the gradient of the weights, and that of the input.
    of_encoder = 3 * views * resnet18_products(model.encoder.width, stem_stride=2)
    # Cosines for the loss, again for its gradient, the gradient itself, and cosines for the metric.
    angles = sum(head.num_heads for head in (model.head, *model.inner_heads.values()))
    of_loss = 4 * batch * views**2 * angles * model.head.embedding_dim
    return of_encoder + of_loss


def law(axis, point):
    """Time of an image and memory, each up to a factor."""
    time_of_image = {"batch": 1, "views": point["views"], "width": point["width"] ** 2}[axis]
    return time_of_image, point["batch"] * point["views"] * point["width"]


def measure(axis, values, options):
    """Prints the table of a size that varies."""
    points = {str(value): {**BASE, axis: value} for value in values}
    rivals = [
        contest.Rival(
            name,
            [sys.executable, __file__, "--rival", json.dumps(point), "--seconds", options.seconds],
        )
        for name, point in points.items()
    ]
    results = contest.contest(rivals, options.rounds)
    rates, peaks, above, products = (
        contest.medians(results, key) for key in ("rate", "peak", "above", "products")
    )
    first = str(values[0])
    print(f"\n| {axis} | images/s | time of an image: measured | law | multiplications ", end="")
    print("| peak MB | MB above the start | measured | law |")
    print("| --- " * 9 + "|")
    for name, point in points.items():
        slower = contest.ratio(results, "rate", first, name)
        times, memories = zip(law(axis, point), law(axis, points[first]), strict=True)
        print(
            f"| {name} | {rates[name]:,.0f} | x {slower:.2f} | x {times[0] / times[1]:.2f} "
            f"| x {products[name] / products[first]:.2f} | {peaks[name]:,.0f} "
            f"| {above[name]:,.0f} | x {above[name] / above[first]:.2f} "
            f"| x {memories[0] / memories[1]:.2f} |"
        )
    sys.stdout.flush()


def compare(options):
    for axis in BASE:
        values = getattr(options, axis)
        if values:
            measure(axis, values, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    batches, views, widths = [64, 128, 256, 512, 1024, 2048], [2, 3, 4, 6, 8], [16, 24, 32, 48, 64]
    parser.add_argument("--batch", type=int, nargs="*", default=batches, help="none: skip")
    parser.add_argument("--views", type=int, nargs="*", default=views, help="none: skip")
    parser.add_argument("--width", type=int, nargs="*", default=widths, help="none: skip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a block, at least")
    contest.run(parser, rival, compare)


if __name__ == "__main__":
    main()
