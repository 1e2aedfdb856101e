"""What each part of SimMIM is worth: kNN on full CIFAR-10 with one part changed at a time.

    python benchmarks/ablation.py --data-dir ~/tensorflow_datasets --passes 1
    python benchmarks/ablation.py --data-dir ~/tensorflow_datasets --minutes 5

Every run is the recipe of `keras-simmim pretrain --data cifar10` but for what its row says, in a
process of its own on a core of its own, seeds side by side. With `--passes` the variants of the
head see the same images, and the variants of the views compute as many views of 32 pixels, 512 a
step (a view of 16 pixels counts as a quarter): more views of fewer images. With `--minutes` all get
the same time on one core, compilation included, and their schedules end with it.

Features are those of whole images (k = 200, temperature 0.1; 50,000 images vote on 10,000). The
rows of the mean over views judge the models of the first row anew. Each result is kept in --output
as it comes; the same command goes on where it stopped. Prints a Markdown table.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from command_line import print_head, print_row

BASE = "4 angles, loss per angle; 4 views (default)"
# What differs from the default: fields of the run's configuration, or a change by name.
VARIANTS = {
    BASE: {},
    "1 angle": {"num_heads": 1},
    "2 angles": {"num_heads": 2},
    "8 angles": {"num_heads": 8},
    "2 angles, loss on the concatenation": {"num_heads": 2, "change": "concatenate"},
    "4 angles, loss on the concatenation": {"num_heads": 4, "change": "concatenate"},
    "8 angles, loss on the concatenation": {"num_heads": 8, "change": "concatenate"},
    "average pooling, MLP": {"head": "projection"},
    "2 views": {"num_views": 2, "batch_size": 256},
    "8 views": {"num_views": 8, "batch_size": 64},
    "20 views": {"num_views": 20, "batch_size": 26},
    "2 views and 4 local ones of 16 px": {
        "num_views": 2,
        "batch_size": 170,
        "change": "add_local_views",
    },
    "Adam": {"optimizer": "adam"},
    "stem not whitened": {"whiten_stem": False},
    "temperature 0.2": {"temperature": 0.2},
}
# Evaluations of the default's model besides whole images.
MEANS = {
    "mean over 8 views, as in training": {},
    "mean over 8 views, crops and flips alone": {"jitter": 0.0, "grayscale": 0.0},
}
IMAGES = 50_000


def run(options):
    """Trains and judges one variant with one seed, on one core."""
    os.sched_setaffinity(0, {options.core})
    import keras

    from keras_simmim import backend, evaluation, views
    from keras_simmim.runs.build import build_method, build_optimizer
    from keras_simmim.runs.knn import knn
    from keras_simmim.runs.plan import plan
    from keras_simmim.runs.run_config import RunConfig
    from keras_simmim.runs.run_data import RunData

    started = time.monotonic()
    fields = dict(VARIANTS[options.variant])
    change = fields.pop("change", None)
    config = RunConfig(
        data="cifar10", data_dir=options.data_dir, seed=options.seed, knn_every=0, **fields
    )
    config.precision, _ = backend.preferred_precision()
    keras.config.set_dtype_policy(config.precision)
    keras.utils.set_random_seed(config.seed)
    data = RunData.load(config)
    model = build_method(config, data.some_images())
    if change is not None:
        model = CHANGES[change](model)
    if options.minutes is None:
        config.steps = round(options.passes * IMAGES / 128)
    config.minutes = options.minutes
    plan(config, model, data, started)
    model.compile(build_optimizer(config, config.total_steps, data.steps_per_pass))
    batches = data.batches(config.total_steps)
    history = model.fit(batches, shuffle=False, verbose=2).history
    result = {
        "variant": options.variant,
        "seed": options.seed,
        "images": config.total_steps * config.batch_size,
        "minutes": (time.monotonic() - started) / 60,
        "loss": history["loss"][-1],
        "accuracy": knn(model, data.labelled),
    }
    if options.variant == BASE:
        images, labels, test_images, test_labels = data.labelled
        for name, changes in MEANS.items():
            splitter_config = {**model.view_splitter.get_config(), **changes}
            splitter = views.ViewSplitter.from_config(splitter_config)
            train, test = (
                evaluation.embed(model, x, num_views=8, view_splitter=splitter, seed=0)
                for x in (images, test_images)
            )
            result[name] = evaluation.knn_accuracy(train, labels, test, test_labels)
    print("result " + json.dumps(result), flush=True)


def concatenate(model):
    """One loss on the embeddings of all angles side by side, of unit length again."""
    import keras

    import keras_simmim as ks

    class OnConcatenation(keras.layers.Layer):
        def __init__(self, loss):
            super().__init__()
            self.loss = loss

        def call(self, embeddings):
            batch, views, angles, dim = keras.ops.shape(embeddings)
            one = keras.ops.reshape(embeddings, (batch, views, 1, angles * dim))
            return self.loss(one / angles**0.5)

    loss = OnConcatenation(model.embedding_loss)
    return ks.SimMIM(model.encoder, model.view_splitter, model.head, loss)


def add_local_views(model):
    """Adds four views of half the side, of 5 to 40 % of the area."""
    import keras_simmim as ks

    changes = {"num_views": 4, "crop_scale": (0.05, 0.4), "view_size": 16}
    local = ks.views.ViewSplitter.from_config({**model.view_splitter.get_config(), **changes})
    return ks.SimMIM(model.encoder, [model.view_splitter, local], model.head, model.embedding_loss)


CHANGES = {"concatenate": concatenate, "add_local_views": add_local_views}


def all_results(options):
    """The results of all variants and seeds, from the file or from runs that add to it."""
    path = Path(options.output)
    results = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    results = [result for result in results if result["budget"] == budget(options)]
    done = {(result["variant"], result["seed"]) for result in results}
    cores: SimpleQueue = SimpleQueue()
    for core in os.sched_getaffinity(0):
        cores.put(core)

    def one(variant, seed):
        core = cores.get()
        command = [sys.executable, __file__, "--variant", variant, "--seed", seed, "--core", core]
        command += ["--passes", options.passes]
        if options.minutes is not None:
            command += ["--minutes", options.minutes]
        if options.data_dir:
            command += ["--data-dir", options.data_dir]
        try:
            output = subprocess.check_output([*map(str, command)], text=True)
        finally:
            cores.put(core)
        line = next(line for line in output.splitlines() if line.startswith("result "))
        return json.loads(line.removeprefix("result ")) | {"budget": budget(options)}

    missing = [(v, s) for v in options.variants for s in options.seeds if (v, s) not in done]
    with ThreadPoolExecutor(cores.qsize()) as pool:
        for result in pool.map(lambda pair: one(*pair), missing):
            with path.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(json.dumps(result), file=sys.stderr, flush=True)
            results.append(result)
    return {(result["variant"], result["seed"]): result for result in results}


def budget(options):
    if options.minutes is not None:
        return f"{options.minutes:g} minutes"
    return f"{options.passes:g} passes"


def show(name, results, key, base):
    """Prints a line of the table; `results` are one variant's, by seed, as are the default's."""
    points = 100 * (mean(results, key) - mean(base, "accuracy"))
    images, minutes = mean(results, "images"), mean(results, "minutes")
    accuracies = [result[key] for result in results]
    print_row(name, accuracies, f"{points:+.1f}", f"{images:,.0f}", f"{minutes:.1f}")


def mean(results, key):
    return statistics.fmean(result[key] for result in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--passes", type=float, default=1.0, help="of the default, over the images")
    parser.add_argument("--minutes", type=float, help="on one core, instead of passes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--output", default="ablation.jsonl", help="where results are kept")
    # What it starts itself with.
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        return run(options)
    if BASE not in options.variants:
        options.variants.insert(0, BASE)
    results = all_results(options)
    print_head([budget(options), "points", "images seen", "minutes"], options)
    base = [results[BASE, seed] for seed in options.seeds]
    for variant in options.variants:
        rows = [results[variant, seed] for seed in options.seeds]
        show(variant, rows, "accuracy", base)
        if variant == BASE:
            for name in MEANS:
                show(name, rows, name, base)


if __name__ == "__main__":
    main()
