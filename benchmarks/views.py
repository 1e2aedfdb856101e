"""Random views alone, on one core, against lightly's SimCLRTransform: views a second.

    python -m venv peer && peer/bin/pip install lightly
    python benchmarks/views.py --peer-python peer/bin/python

Prints a Markdown table with a ratio to lightly in each row; about 4 minutes. All run pinned to the
same core with one thread each, two views of each image:

- ours: `ViewSplitter` on a uint8 batch in memory, compiled as in a training step: JAX by
  XLA, TensorFlow as a graph, which Keras gives to XLA on a GPU only, torch eager without
  gradients. Gives a batch of float32 views.
- lightly: its SimCLRTransform on Pillow images in memory, one by one. Neither decoding nor the
  stacking to a batch is counted.

On a GPU ours uses it: give --batch 1024, as a GPU needs more work at a time.

Both with lightly's defaults: crops of 8 to 100 % of the area, flips at 0.5, jitter at 0.8 with
brightness, contrast and saturation 0.8 and hue 0.2, grayscale at 0.2, where there is blur at 0.5
with sigma 0.1 to 2. lightly's normalisation is off, as ours belongs to the encoder. The operations
are the same, not the ways of doing them (see `ViewSplitter`): ours clips once, does not draw the
order of the jitter and turns the hue in YIQ. Images are CIFAR-10's, for 224 px enlarged to 256 x
256 by Pillow's bicubic filter.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from contest import Rival, contest, medians, ratio, run, serve

BACKENDS = ("tensorflow", "jax", "torch")
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",  # torch
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}
# Name: side of the images, side of the views, images of a batch, probability of blur.
CASES = {
    "32 px": (32, 32, 256, 0.0),
    "32 px, blur": (32, 32, 256, 0.5),
    "224 px": (256, 224, 32, 0.0),
}


def ours(images, side, blur):
    import keras

    import keras_simmim as ks

    splitter = ks.views.ViewSplitter(
        crop_scale=(0.08, 1.0),
        view_size=side,
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.2,
        blur=blur,
    )
    images = keras.ops.convert_to_tensor(images)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        step = tf.function(splitter, jit_compile=bool(tf.config.list_physical_devices("GPU")))
    elif keras.backend.backend() == "torch":
        import torch

        step = torch.no_grad()(splitter)
    else:
        import jax

        splitter.build(images.shape)
        compiled = jax.jit(splitter.stateless_call)
        state = [variable.value for variable in splitter.non_trainable_variables]

        def step(images):
            nonlocal state
            views, state = compiled([], state, images)
            return views

    # A number read from the result is there when the result is, on a GPU too.
    return lambda: float(step(images)[0, 0, 0, 0, 0])


def lightly(images, side, blur):
    import torchvision_fix  # noqa: F401
    from lightly.transforms import SimCLRTransform
    from PIL import Image

    transform = SimCLRTransform(input_size=side, gaussian_blur=blur, normalize=None)
    images = [Image.fromarray(image) for image in images]
    return lambda: [transform(image) for image in images]


def serve_rival(options):
    import numpy as np

    _, side, _, blur = CASES[options.case]
    images = np.load(options.images)
    make_views = (lightly if options.rival == "lightly" else ours)(images, side, blur)

    def block():
        make_views()  # compiles the first time, fetches what the last rival put out of the caches
        calls, start = 0, time.perf_counter()
        while (now := time.perf_counter()) < start + options.seconds or not calls:
            make_views()
            calls += 1
        return {"views_per_second": 2 * len(images) * calls / (now - start)}

    serve(block)


def save_images(path, side, count):
    import numpy as np
    from PIL import Image

    import keras_simmim as ks

    images, _ = ks.datasets.load("sample")
    images = [Image.fromarray(image) for image in images[:count]]
    np.save(path, [np.asarray(i.resize((side, side), Image.Resampling.BICUBIC)) for i in images])


def compare(options):
    print("| | | views/s | ratio to lightly |")
    print("| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        for case in options.cases:
            image_side, _, count, _ = CASES[case]
            count = options.batch or count
            save_images(path, image_side, count)
            rivals = []
            for name in (*options.backends, "lightly"):
                python = options.peer_python if name == "lightly" else sys.executable
                arguments = ["--rival", name, "--case", case, "--images", path]
                command = [python, __file__, *sys.argv[1:], *arguments]
                environment = {**ONE_THREAD, "KERAS_BACKEND": name}
                rivals.append(Rival(name, command, environment, cores=(options.core,)))
            results = contest(rivals, options.rounds)
            for name, speed in medians(results, "views_per_second").items():
                factor = ratio(results, "views_per_second", name, "lightly")
                print(f"| {case} | {name} | {speed:,.0f} | {factor:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="a Python that has lightly")
    parser.add_argument("--cases", nargs="+", default=[*CASES], choices=CASES)
    parser.add_argument("--backends", nargs="+", default=[*BACKENDS], choices=BACKENDS)
    parser.add_argument("--batch", type=int, help="images at a time [default: 256, 32 at 224 px]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a block")
    parser.add_argument("--core", type=int, default=0, help="the processor that all are pinned to")
    # What it starts its rivals with.
    for name in ("--case", "--images"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    run(parser, serve_rival, compare)


if __name__ == "__main__":
    main()
