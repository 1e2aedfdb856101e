"""Whether what makes training fast costs accuracy: kNN on CIFAR-10 after the same images seen.

    python benchmarks/accuracy_kept.py --data-dir DIR --peer-python PEER/bin/python

Runs of the command line that differ in one thing each: the precision; torchvision's views, made
beforehand by PEER, an environment with lightly, in place of this package's fused ones; Keras's own
convolution and batch norm in place of this package's, which run the framework's fused kernels.
ResNet-10 of width 16, else its defaults, one pass over the data. Prints a Markdown table; the
difference is that of the means. A quarter of an hour on 2 cores.
"""

import argparse
import functools
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from command_line import add_options, arguments_of, print_head, print_row, results_of

VARIANTS = {
    "as shipped": [],
    "float32": ["--precision", "float32"],
    "torchvision's views": [],
    "Keras's convolution and batch norm": [],
}


def train(variant, arguments):
    """Runs the command line in this process, changed as the variant says."""
    import keras

    from keras_simmim import cli, encoders, heads

    if variant.startswith("torchvision"):
        _train_on_stored_views(arguments)
    if variant.startswith("Keras"):
        encoders.resnet.Conv2D = _same_padding
        for module in (encoders.resnet, heads.attention_head):
            module.BatchNorm = functools.partial(
                keras.layers.BatchNormalization, momentum=0.9, epsilon=1e-5
            )
    cli.main(["pretrain", *arguments])


def _train_on_stored_views(arguments):
    """Gives the run, in place of images, the views beside its folder."""
    from keras_simmim import datasets

    folder = Path(arguments[arguments.index("--output") + 1]).parent
    views = np.load(folder / "views.npy", mmap_mode="r")
    batches = datasets.ArrayBatches
    datasets.ArrayBatches = lambda images, **order: batches(views, **order)


def _same_padding(filters, kernel_size, **kwargs):
    import keras

    return keras.layers.Conv2D(filters, kernel_size, padding="same", use_bias=False, **kwargs)


def accuracy(variant, seed, options, folder):
    run = folder / f"{len(list(folder.iterdir()))}"
    if variant.startswith("torchvision"):
        _store_views(seed, options, folder)
    arguments = [*arguments_of(seed, run, options), *VARIANTS[variant]]
    command = (sys.executable, __file__, "--variant", variant)
    return results_of(run, arguments, command)["knn_accuracy"]


def _store_views(seed, options, folder):
    from keras_simmim import datasets

    np.save(folder / "images.npy", datasets.load(options.data, "train", options.data_dir)[0])
    script = Path(__file__).with_name("torchvision_views.py")
    command = [options.peer_python, script, folder / "images.npy", folder / "views.npy"]
    subprocess.run([*command, "--seed", str(seed)], check=True)


def main():
    if "--variant" in sys.argv:
        return train(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--peer-python", help="Python with lightly; without it no stored views")
    options = parser.parse_args()
    print_head(["", "difference, points"], options)
    with tempfile.TemporaryDirectory() as name:
        folder, base = Path(name), None
        for variant in VARIANTS:
            if variant.startswith("torchvision") and options.peer_python is None:
                continue
            values = [accuracy(variant, seed, options, folder) for seed in options.seeds]
            base = np.mean(values) if base is None else base
            print_row(variant, values, f"{100 * (np.mean(values) - base):+.1f}")


if __name__ == "__main__":
    main()
