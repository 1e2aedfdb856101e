"""Runs under one backend, started by test_backends_agree.py: train FOLDER, or load FOLDER."""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import keras_simmim as ks
from keras_simmim.methods import masked_image_model


def images_and_views():
    """16 real images, and for each of 5 steps two crops of 16 others, drawn by NumPy.

    Of noise all images look alike to the encoder, and batch norm would blow rounding errors up.
    """
    rng = np.random.default_rng(0)
    images, _ = ks.datasets.load("sample", "test")
    views = np.empty((5, 16, 2, 16, 16, 3), "float32")
    for step, image, view in np.ndindex(5, 16, 2):
        top, left = rng.integers(0, 17, 2)
        crop = images[16 * step + image, top : top + 16, left : left + 16]
        views[step, image, view] = crop * rng.uniform(0.7, 1.0)
    return images[-16:, ::2, ::2], views


def initial_weights(model):
    """The same weights under every backend: kernels drawn by NumPy, the rest as initialised."""
    rng = np.random.default_rng(1)
    values = []
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight)
        if value.ndim >= 2:
            scale = np.sqrt(2 / np.prod(value.shape[:-1]))
            value = rng.normal(0, scale, value.shape).astype("float32")
        elif weight.name == "mask_token":
            value = rng.normal(0, 0.02, value.shape).astype("float32")
        values.append(value)
    return values


def conv_encoder():
    # Shallow: in a ResNet-18 this narrow, rounding errors grow a hundredfold in a few steps.
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            ks.encoders.Standardize(),
            keras.layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False),
            ks.encoders.BatchNorm(),
            keras.layers.ReLU(),
            keras.layers.Conv2D(32, 3, strides=2, padding="same"),
        ]
    )


def head(**kwargs):
    return ks.heads.ProjectionHead(8, 16, **kwargs)


METHODS = {
    "SimMIM": lambda splitter: ks.SimMIM(
        conv_encoder(), splitter, ks.heads.AttentionHead(num_heads=2, embedding_dim=8)
    ),
    "SimCLR": lambda splitter: ks.SimCLR(conv_encoder(), splitter, head()),
    "MoCo": lambda splitter: ks.MoCo(
        conv_encoder(), splitter, head(), queue_size=48, momentum=0.9, symmetric=True
    ),
    "BYOL": lambda splitter: ks.BYOL(
        conv_encoder(), splitter, head(normalize=False), head(normalize=False), 0.9, 8
    ),
    "EMPSSL": lambda splitter: ks.EMPSSL(conv_encoder(), splitter, head(), invariance=10.0),
    "MaskedImageModel": lambda splitter: ks.MaskedImageModel(
        ks.encoders.ViT((16, 16, 3), 4, 1, 16, 2, position="relative"), splitter
    ),
}


class Checkerboard(ks.views.PatchMasker):
    """Masks that are the same on every backend, as random ones are not."""

    def call(self, images, seed=None):
        rows, columns = self._units(images.shape)
        units = keras.ops.arange(rows)[:, None] + keras.ops.arange(columns)
        units = keras.ops.repeat(keras.ops.repeat(units % 2 == 0, 2, axis=0), 2, axis=1)
        return keras.ops.broadcast_to(units, (keras.ops.shape(images)[0], *units.shape))


masked_image_model.PatchMasker = Checkerboard


def train(folder):
    images, views = images_and_views()
    for method, make in METHODS.items():
        splitter = ks.views.ViewSplitter(num_views=2, seed=0)
        model = make(splitter)
        model.set_weights(initial_weights(model))
        model.compile(optimizer=keras.optimizers.SGD(0.02, momentum=0.9))
        losses = [model.train_on_batch(batch, return_dict=True)["loss"] for batch in views]
        name = f"{method}-{keras.backend.backend()}"
        weights = {f"weight_{i}": value for i, value in enumerate(model.get_weights())}
        np.savez(
            folder / f"{name}.npz",
            losses=np.array(losses, "float64"),
            features=model.predict(images, verbose=0),
            **weights,
        )
        model.save(folder / f"{name}.keras")


def load(folder):
    """Predictions under this backend of what each backend has saved."""
    images, views = images_and_views()
    features, losses = {}, {}
    for path in sorted(folder.glob("*.keras")):
        model = keras.saving.load_model(path)
        features[path.stem] = model.predict(images, verbose=0)
        # The loaded optimizer and seeds go on.
        losses[path.stem] = float(model.train_on_batch(views[0], return_dict=True)["loss"])
    np.savez(folder / f"loaded_by_{keras.backend.backend()}.npz", **features)
    (folder / f"loaded_by_{keras.backend.backend()}.json").write_text(json.dumps(losses))


if __name__ == "__main__":
    {"train": train, "load": load}[sys.argv[1]](Path(sys.argv[2]))
