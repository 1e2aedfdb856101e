"""Variants of the command line's recipe, each trained and judged with several seeds.

Each run is a process of its own on a core of its own, seeds side by side. Its result is kept in a
file as it comes, with the settings that it is of: the same command goes on where it stopped, and
trains again what is no longer of the same settings. Results behind the README's tables are in
`results/`; with another `--output` all is trained.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from command_line import CROP_SCALE, print_head, print_row

IMAGES = 50_000
# Of the recipe, in which passes are counted.
BATCH = 128
LARGE_CROPS = {"crop_scale": CROP_SCALE}


def on_large_crops(tables):
    """Tables whose rows have larger crops than the recipe has now, where they name no others."""
    return {
        title: {name: {**LARGE_CROPS, **fields} for name, fields in rows.items()}
        for title, rows in tables.items()
    }


def run_and_print(tables, description, changes=None, judge=None):
    """Runs what is missing and prints the tables.

    Args:
        tables: for each table its rows by name, the first of which the others are compared with.
            A row is what differs from the default: fields of the run's configuration; `change`, a
            name in `changes`; `steps`, a factor of those of the recipe.
        description: of the benchmark, in a line.
        changes: functions of a method that return another, by name.
        judge: function of a row's name, its model and the labelled data that returns further
            accuracies by name; each gets a line below the row's.
    """
    options = _options(tables, description)
    if options.row:
        fields = next(rows[options.row] for rows in tables.values() if options.row in rows)
        result = _train(options, dict(fields), changes or {}, judge)
        print("result " + json.dumps(result), flush=True)
        return
    tables = {title: _chosen(tables[title], options.rows) for title in options.tables}
    results = _all_results(options, {k: v for rows in tables.values() for k, v in rows.items()})
    for title, rows in tables.items():
        print_head([f"{title}; {_budget(options)}", "points", "images seen"], options)
        base = [results[next(iter(rows)), seed]["accuracy"] for seed in options.seeds]
        for name in rows:
            _print_rows(name, [results[name, seed] for seed in options.seeds], base)
        print()


def _options(tables, description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--passes", type=float, default=1.0, help="of the recipe, over the images")
    parser.add_argument("--minutes", type=float, help="on one core, instead of passes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--tables", nargs="+", default=list(tables), choices=list(tables))
    script = Path(sys.argv[0])
    default = script.parent / "results" / f"{script.stem}.jsonl"
    parser.add_argument("--rows", nargs="+", help="these alone, beside the first of their tables")
    parser.add_argument("--output", default=default, help="where results are kept")
    # What it starts itself with.
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _chosen(rows, names):
    """The first row of a table and those of these names; all if there are no names."""
    first = next(iter(rows))
    return {k: v for k, v in rows.items() if names is None or k in names or k == first}


def _train(options, fields, changes, judge):
    """Trains and judges one row with one seed, on one core."""
    os.sched_setaffinity(0, {options.core})
    import keras

    from keras_simmim import backend
    from keras_simmim.evaluation.model_knn import model_knn
    from keras_simmim.runs.build import build_method, build_optimizer
    from keras_simmim.runs.plan import plan
    from keras_simmim.runs.run_config import RunConfig
    from keras_simmim.runs.run_data import RunData

    started = time.monotonic()
    change, steps = fields.pop("change", None), fields.pop("steps", 1)
    config = RunConfig(
        data="cifar10", data_dir=options.data_dir, seed=options.seed, knn_every=0, **fields
    )
    config.precision, _ = backend.preferred_precision()
    keras.config.set_dtype_policy(config.precision)
    keras.utils.set_random_seed(config.seed)
    data = RunData.load(config)
    model = build_method(config, data.some_images())
    if change is not None:
        model = changes[change](model)
    if options.minutes is None:
        config.steps = round(steps * options.passes * IMAGES / BATCH)
    config.minutes = options.minutes
    plan(config, model, data, started)
    model.compile(build_optimizer(config, config.total_steps, data.steps_per_pass))
    batches = data.batches(config.total_steps)
    history = model.fit(batches, shuffle=False, verbose=2).history
    return {
        "name": options.row,
        "seed": options.seed,
        "images": config.total_steps * config.batch_size,
        "loss": history["loss"][-1],
        "accuracy": model_knn(model, data.labelled),
        "further": judge(options.row, model, data.labelled) if judge else {},
    }


def knn_of_means(model, labelled, num_views=8, **changes):
    """KNN accuracy of features that are means over views of each image.

    The views are those of the training but for `changes` to the splitter's configuration.
    """
    from keras_simmim import evaluation, views

    images, labels, test_images, test_labels = labelled
    config = {**model.view_splitter.get_config(), **changes}
    splitter = views.ViewSplitter.from_config(config)
    train, test = (
        evaluation.embed(model, x, num_views=num_views, view_splitter=splitter, seed=0)
        for x in (images, test_images)
    )
    return evaluation.knn_accuracy(train, labels, test, test_labels)


def _settings(fields):
    """What decides a row's result, but for its seed and its length, as JSON has it."""
    import keras

    from keras_simmim.runs.defaults import fill_in, peak_learning_rate
    from keras_simmim.runs.run_config import RunConfig

    further = {name: fields[name] for name in ("change", "steps") if name in fields}
    given = {name: value for name, value in fields.items() if name not in further}
    config = RunConfig(data="cifar10", backend=keras.backend.backend(), **given)
    fill_in(config, 32)
    config.learning_rate = peak_learning_rate(config)
    return json.loads(json.dumps({**dataclasses.asdict(config), **further}))


def _all_results(options, rows):
    """The results of all rows and seeds, from the file or from runs that add to it."""
    settings = {name: _settings(fields) for name, fields in rows.items()}
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    results = {
        (x["name"], x["seed"]): x
        for x in kept
        if x["budget"] == _budget(options)
        # Settings that there were not yet are the defaults.
        and all(settings.get(x["name"], {}).get(k) == v for k, v in _used(x["settings"]).items())
    }
    cores: SimpleQueue = SimpleQueue()
    for core in os.sched_getaffinity(0):
        cores.put(core)

    def one(name, seed):
        core = cores.get()
        command = [sys.executable, sys.argv[0], "--row", name, "--seed", seed, "--core", core]
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
        result = json.loads(line.removeprefix("result "))
        return result | {"budget": _budget(options), "settings": settings[name]}

    pairs = [(name, seed) for name in rows for seed in options.seeds]
    with ThreadPoolExecutor(cores.qsize()) as pool:
        for result in pool.map(lambda pair: one(*pair), [x for x in pairs if x not in results]):
            with path.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(json.dumps(result), file=sys.stderr, flush=True)
            results[result["name"], result["seed"]] = result
    return results


def _used(settings):
    """Without a ViT's, where there is none."""
    if settings["encoder"] == "vit":
        return settings
    return {name: value for name, value in settings.items() if not name.startswith("vit_")}


def _budget(options):
    if options.minutes is not None:
        return f"{options.minutes:g} minutes"
    return "1 pass" if options.passes == 1 else f"{options.passes:g} passes"


def _print_rows(name, results, base):
    """Prints a line of a table, and one for each further accuracy; `results` are by seed."""
    images = statistics.fmean(result["images"] for result in results)
    accuracies = {name: [result["accuracy"] for result in results]}
    for further in results[0]["further"]:
        accuracies[further] = [result["further"][further] for result in results]
    for shown, values in accuracies.items():
        points = 100 * (statistics.fmean(values) - statistics.fmean(base))
        print_row(shown, values, f"{points:+.1f}", f"{images:,.0f}")
