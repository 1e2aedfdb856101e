"""Train under one backend, load under another: the features are the same.

    python examples/switch_backend.py --train-with tensorflow --load-with torch

Keras chooses its backend when it is imported, so each half runs in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def train(folder, steps):
    import keras_simmim as ks

    import keras

    images, _ = ks.datasets.load("sample", "train")
    test_images, _ = ks.datasets.load("sample", "test")
    model = ks.SimMIM(
        encoder=ks.encoders.ResNet(depth=18, width=8, image_shape=(32, 32, 3), stem="3x3/2")
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.fit(images[: 128 * steps], batch_size=128, epochs=1, verbose=2)
    model.save(folder / "model.keras")
    np.save(folder / "features.npy", ks.evaluation.embed(model, test_images[:256]))


def load(folder):
    import keras_simmim as ks

    import keras

    test_images, _ = ks.datasets.load("sample", "test")
    model = keras.saving.load_model(folder / "model.keras")
    features = ks.evaluation.embed(model, test_images[:256])
    difference = np.abs(features - np.load(folder / "features.npy")).max()
    print(f"Loaded under {keras.backend.backend()}: features differ by {difference:.1e} at most")
    if difference > 1e-4:
        raise SystemExit("The features differ.")


def main(arguments=None):
    backends = ["tensorflow", "jax", "torch"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train-with", default="tensorflow", choices=backends)
    parser.add_argument("--load-with", default="torch", choices=backends)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", choices=["train", "load"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.only == "train":
        return train(options.folder, options.steps)
    if options.only == "load":
        return load(options.folder)
    with tempfile.TemporaryDirectory() as folder:
        for half, backend in (("train", options.train_with), ("load", options.load_with)):
            command = [sys.executable, __file__, "--only", half, "--folder", folder]
            subprocess.run(
                [*command, "--steps", str(options.steps)],
                env={**os.environ, "KERAS_BACKEND": backend},
                check=True,
            )


if __name__ == "__main__":
    main()
