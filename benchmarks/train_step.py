"""Speed of a training step of the encoders in Keras, against the step written by hand.

    python benchmarks/train_step.py

A step is forward, backward and an update by SGD with momentum, of the encoder, pooling and a dense
layer under a mean-square loss, on one batch of images that stay the same. By hand, it is written in
plain TensorFlow, JAX or torch (`hand_written.py`, `hand_written_torch.py`); of TensorFlow's, with
and without XLA, the faster one counts. bfloat16 is Keras's policy mixed_bfloat16, torch's autocast,
and casts in the others. Strided convolutions of torch pad both sides, as is its way, where the
others pad one; the cost is the same.

All rivals of an encoder and a precision take turns, and so does plain torch in float32, the common
measure. Prints a Markdown table; half an hour on 2 cores. On a GPU all use it, and the share of its
greatest speed can be stated, by the multiplications of convolutions and matrix products:

    python benchmarks/train_step.py --batch 1024 --width 64 --precisions bfloat16 --peak-tflops 989
"""

import argparse
import os
import sys
import time

import numpy as np
from contest import Rival, contest, medians, ratio, run, serve
from products import resnet18_products, vit_products

VARIANTS = {"tensorflow": ("XLA", "no XLA"), "jax": ("XLA",), "torch": ("eager",)}
HAND_WRITTEN = {"resnet": ("tensorflow", "jax", "torch"), "vit": ("torch",)}
REFERENCE = "hand-written, torch, eager, float32"
STEM_STRIDES = {"3x3": 1, "3x3/2": 2}
KEY = "views_per_second"


def keras_step(variant, precision, images, targets, options):
    """A function that makes a step and returns the loss, and the number of its parameters."""
    import keras
    from keras import layers

    import keras_simmim as ks

    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else precision)
    if options.encoder == "resnet":
        encoder = ks.encoders.ResNet(18, options.width, (32, 32, 3), stem=options.stem)
        pooling = layers.GlobalAveragePooling2D()
    else:
        encoder, pooling = ks.encoders.ViT(), layers.GlobalAveragePooling1D()
    model = keras.Sequential([encoder, pooling, layers.Dense(128)])
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    # On CPUs Keras itself would choose no XLA under TensorFlow.
    jit_compile = {"XLA": True, "no XLA": False}.get(variant, "auto")
    model.compile(optimizer=optimizer, loss="mse", jit_compile=jit_compile)
    images, targets = map(keras.ops.convert_to_tensor, (images, targets))
    return lambda: model.train_on_batch(images, targets), model.count_params()


def hand_written_step(backend, variant, precision, images, targets, options):
    """A function that makes a step and returns the loss, and the number of its parameters."""
    sizes = (options.width, STEM_STRIDES[options.stem])
    if backend == "torch":
        from hand_written_torch import torch_step

        return torch_step(options.encoder, precision, images, targets, *sizes)
    from hand_written import jax_step, tensorflow_step

    if backend == "jax":
        return jax_step(precision, images, targets, *sizes)
    return tensorflow_step(variant, precision, images, targets, *sizes)


def run_rival(options):
    kind, backend, variant, precision = options.rival.split(", ")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (options.batch, 32, 32, 3)).astype("float32")
    targets = rng.normal(size=(options.batch, 128)).astype("float32")
    if kind == "Keras":
        os.environ["KERAS_BACKEND"] = backend  # Read when Keras is imported.
        step, parameters = keras_step(variant, precision, images, targets, options)
    else:
        step, parameters = hand_written_step(backend, variant, precision, images, targets, options)
    for _ in range(2):  # The first compiles.
        step()

    def block():
        steps, start = 0, time.perf_counter()
        while steps < 3 or time.perf_counter() - start < options.seconds:
            step()
            steps += 1
        seconds = time.perf_counter() - start
        return {KEY: steps * options.batch / seconds, "parameters": parameters}

    serve(block)


def names_of_rivals(encoder, precision, backends):
    names = []
    for backend in backends:
        if backend not in HAND_WRITTEN[encoder]:
            skip(f"{encoder}: not written by hand in {backend}")
        for variant in VARIANTS[backend]:
            names.append(f"Keras, {backend}, {variant}, {precision}")
            if backend in HAND_WRITTEN[encoder]:
                names.append(f"hand-written, {backend}, {variant}, {precision}")
    return names if REFERENCE in names else [*names, REFERENCE]


def measure(encoder, names, options):
    """Results of the contest, without the rivals that fail; it starts anew without them."""
    sizes = {"encoder": encoder, "batch": options.batch, "seconds": options.seconds}
    sizes |= {"width": options.width, "stem": options.stem}
    arguments = [part for name, value in sizes.items() for part in (f"--{name}", value)]
    command = [sys.executable, __file__, *arguments, "--rival"]
    while True:
        try:
            results = contest([Rival(name, [*command, name]) for name in names], options.rounds)
            break
        except RuntimeError as error:
            failed = [name for name in names if str(error).startswith(f"{name} stopped")]
            if not failed:
                raise
            skip(f"{encoder}: {failed[0]} failed")
            names = [name for name in names if name not in failed]
    parameters = medians(results, "parameters")
    if len(set(parameters.values())) > 1:
        raise ValueError(f"The rivals must be the same model. Received: {parameters} parameters")
    return results


def skip(line):
    print(f"skipped: {line}", file=sys.stderr, flush=True)


def print_rows(encoder, precision, results, options):
    stem_stride = STEM_STRIDES[options.stem]
    resnet = encoder == "resnet"
    products = resnet18_products(options.width, stem_stride) if resnet else vit_products()
    products += 128 * (8 * options.width if resnet else 192)  # the dense layer on top
    speeds = medians(results, KEY)
    for name in speeds:
        kind, backend, variant, _ = name.split(", ")
        if kind != "Keras":
            continue
        by_hand = [f"hand-written, {backend}, {v}, {precision}" for v in VARIANTS[backend]]
        best = max((rival for rival in by_hand if rival in speeds), key=speeds.get, default=None)
        hand = f"{speeds[best]:.0f} ({best.split(', ')[2]})" if best else "-"
        to_hand = f"{ratio(results, KEY, name, best):.2f}" if best else "-"
        to_torch = f"{ratio(results, KEY, name, REFERENCE):.2f}" if REFERENCE in speeds else "-"
        cells = [encoder, precision, f"{backend}, {variant}", f"{speeds[name]:.0f}", hand]
        cells += [to_hand, to_torch]
        if options.peak_tflops:
            # Forward, the gradient of the weights, and that of the input; an addition with each.
            tflops = 6 * products * speeds[name] / 1e12
            cells.append(f"{tflops:.2f} ({tflops / options.peak_tflops:.1%})")
        print(f"| {' | '.join(cells)} |", flush=True)


def compare(options):
    columns = ["encoder", "precision", "Keras on", "Keras views/s", "hand-written views/s"]
    columns += ["Keras / hand-written", "Keras / torch float32"]
    if options.peak_tflops:
        columns.append("TFLOP/s of Keras (of the greatest)")
    print(f"| {' | '.join(columns)} |")
    print("| --- " * len(columns) + "|", flush=True)
    for encoder in options.encoders:
        for precision in options.precisions:
            names = names_of_rivals(encoder, precision, options.backends)
            print_rows(encoder, precision, measure(encoder, names, options), options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoders", nargs="+", default=["resnet", "vit"], choices=HAND_WRITTEN)
    parser.add_argument("--backends", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    precisions = ["float32", "bfloat16"]
    parser.add_argument("--precisions", nargs="+", default=precisions, choices=precisions)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=512, help="views in a step")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a block, 3 steps at least")
    parser.add_argument("--width", type=int, default=32, help="of the ResNet")
    parser.add_argument("--stem", default="3x3", choices=STEM_STRIDES, help="of the ResNet")
    parser.add_argument("--peak-tflops", type=float, help="of the device, to state the share")
    parser.add_argument("--encoder", help=argparse.SUPPRESS)
    run(parser, run_rival, compare)


if __name__ == "__main__":
    main()
