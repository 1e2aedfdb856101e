"""What a start costs beside plain Keras: seconds of the import, and of the first training step.

    python benchmarks/start.py

Import: `import keras_simmim` against `import keras`, which it contains; the interpreter's own start
is not counted. First step: the first `train_on_batch` of SimMIM, 2 views of each image, against
that of a plain Keras model of the same encoder on as many ready views, with global pooling, a dense
layer of 128 and the mean squared error. It takes in tracing and compilation, but neither imports
nor making the model; a second row takes in making and compiling the model, as what is set up there
is not set up later. ResNet-18 at 32x32, float32, Adam, Keras's default of `jit_compile`.

Every measurement has a process of its own, the two in turn; seconds are medians over the
processes, the ratio is the median of the rounds' ratios. The disk's cache is warm: a round before
the first counts for nothing. Takes 10 minutes on 2 cores.
"""

import argparse
import importlib
import sys
import time

import contest

BACKENDS = ("tensorflow", "jax", "torch")
OURS, PLAIN = "keras_simmim", "keras"


def import_seconds(package, options):
    start = time.perf_counter()
    importlib.import_module(package)
    return {"import": time.perf_counter() - start}


def step_seconds(package, options):
    import keras
    import numpy as np

    import keras_simmim as ks

    keras.config.set_dtype_policy("float32")
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    encoder = ks.encoders.ResNet(depth=18, width=options.width, image_shape=(32, 32, 3))
    if package == OURS:
        model = ks.SimMIM(encoder, view_splitter=ks.views.ViewSplitter(num_views=2))
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
        batch = [rng.integers(0, 256, (options.batch, 32, 32, 3), "uint8")]
    else:
        # Told its input, it is built at once, as SimMIM is.
        images = keras.Input((32, 32, 3))
        layers = [images, encoder, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(128)]
        model = keras.Sequential(layers)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
        views = rng.integers(0, 256, (2 * options.batch, 32, 32, 3), "uint8")
        batch = [views, np.zeros((len(views), 128), "float32")]
    made = time.perf_counter()
    model.train_on_batch(*batch)
    end = time.perf_counter()
    return {"first step": end - made, "model and first step": end - start}


MEASUREMENTS = {"import": import_seconds, "step": step_seconds}


def rival(options):
    measure = MEASUREMENTS[options.measurement]
    contest.serve(lambda: measure(options.rival, options))


def print_rows(measurement, backend, processes, options):
    """Prints the rows of a measurement on a backend."""
    sizes = [f"--width={options.width}", f"--batch={options.batch}"]
    rivals = [
        contest.Rival(
            package,
            [sys.executable, __file__, "--rival", package, "--measurement", measurement, *sizes],
            {"KERAS_BACKEND": backend},
        )
        for package in (OURS, PLAIN)
    ]
    results = {OURS: [], PLAIN: []}
    for index in range(processes + 1):
        # One round of a contest starts the processes anew.
        for package, rounds in contest.contest(rivals, rounds=1).items():
            results[package] += rounds if index > 0 else []
    for key in results[OURS][0]:
        seconds = contest.medians(results, key)
        more = seconds[OURS] - seconds[PLAIN]
        ratio = contest.ratio(results, key, OURS, PLAIN)
        print(f"| {key} | {backend} | {seconds[OURS]:.2f} | {seconds[PLAIN]:.2f} ", end="")
        print(f"| {more:+.2f} | {ratio:.2f} |", flush=True)


def compare(options):
    print("| | backend | keras_simmim, s | plain Keras, s | more, s | ratio |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    counts = {"import": options.imports, "step": options.first_steps}
    for measurement, processes in counts.items():
        if processes > 0:
            for backend in options.backends:
                print_rows(measurement, backend, processes, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imports", type=int, default=7, help="processes of each; 0: skip")
    parser.add_argument("--first-steps", type=int, default=3, help="processes of each; 0: skip")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=256, help="images; plain Keras gets 2 x views")
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--measurement", help=argparse.SUPPRESS)
    contest.run(parser, rival, compare)


if __name__ == "__main__":
    main()
