"""Trains each case on some number of replicas: `worker.py FOLDER REPLICAS CASE...`.

Under torch by torchrun, with as many processes. The first process writes `CASE-REPLICAS.npz`.
"""

import os
import sys
import types
from pathlib import Path

import keras
import numpy as np

import keras_simmim as ks
from keras_simmim import backend
from keras_simmim.encoders import batch_norm
from keras_simmim.losses import map_rows, nt_xent
from keras_simmim.methods import method

STEPS, BATCH = 5, 16
TILE_ROWS = map_rows.tile_rows


def encoder():
    # Shallow, so that rounding errors don't grow, with what tells replicas apart: batch norm.
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            ks.encoders.Standardize(),
            ks.encoders.Conv2D(16, 3, strides=2),
            ks.encoders.BatchNorm(),
            keras.layers.ReLU(),
            ks.encoders.Conv2D(32, 3, strides=2),
        ]
    )


class WithUnusedWeight(keras.layers.Layer):
    """An encoder with a weight that nothing is computed from."""

    def __init__(self):
        super().__init__()
        self.encoder = encoder()

    def build(self, images_shape):
        self.unused = self.add_weight(name="unused", shape=(3,))

    def call(self, images, training=False):
        return self.encoder(images, training=training)


def head(**kwargs):
    return ks.heads.ProjectionHead(8, 16, **kwargs)


def splitter(num_views=2):
    return ks.views.ViewSplitter(num_views=num_views, seed=3)


METHODS = {
    "SimMIM": lambda: ks.SimMIM(
        encoder(),
        splitter(),
        ks.heads.AttentionHead(num_heads=2, embedding_dim=8),
        online_probe=ks.heads.OnlineProbe(10),
    ),
    "SimCLR": lambda: ks.SimCLR(encoder(), splitter(3), head()),
    "Unused": lambda: ks.SimCLR(WithUnusedWeight(), splitter(), head()),
    "MoCo": lambda: ks.MoCo(
        encoder(), splitter(), head(), queue_size=48, momentum=0.9, symmetric=True
    ),
    "BYOL": lambda: ks.BYOL(
        encoder(), splitter(), head(normalize=False), head(normalize=False), 0.9, 8
    ),
    "EMPSSL": lambda: ks.EMPSSL(encoder(), splitter(4), head(), invariance=10.0),
    "MaskedImageModel": lambda: ks.MaskedImageModel(
        ks.encoders.ViT((16, 16, 3), 2, 1, 16, 2, position="relative"), splitter(1), seed=4
    ),
}
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.02, momentum=0.9),
    # Large steps make bfloat16's rounding grow tenfold at each of them.
    "slow": lambda: keras.optimizers.SGD(0.005, momentum=0.9),
    # A weight whose true gradient is zero moves by noise where epsilon is small.
    "adam": lambda: keras.optimizers.Adam(1e-3, epsilon=1e-3),
    "muon": lambda: ks.optimizers.Muon(1e-2, epsilon=1e-3),
    "lars": lambda: ks.optimizers.LARS(0.1),
    "accumulate": lambda: keras.optimizers.SGD(0.02, momentum=0.9, gradient_accumulation_steps=2),
}


IMAGES, LABELS = ks.datasets.load("sample", "test")
IMAGES = IMAGES[:, ::2, ::2]
LABELLED = IMAGES[:100], LABELS[:100], IMAGES[100:150], LABELS[100:150]


def data(count, **kwargs):
    return ks.datasets.ArrayBatches(IMAGES[:count], LABELS[:count], BATCH, seed=5, **kwargs)


def without_gather():
    """Negatives of a replica's own images alone."""
    alone = types.SimpleNamespace(replica_count=lambda: 1, replica_index=lambda: 0)
    nt_xent.backend = alone


def without_gradient_of_gather():
    """The value is right, but no gradient comes back from other replicas' losses."""
    gather = backend.gather
    nt_xent.backend = types.SimpleNamespace(
        **{**vars(backend), "gather": lambda x: gather(keras.ops.stop_gradient(x))}
    )


def without_sync():
    """Batch norm by the statistics of a replica's part."""
    batch_norm.backend = types.SimpleNamespace(**{**vars(backend), "replica_count": lambda: 1})


def without_scaling():
    """The sum of the replicas' gradients in place of their mean."""
    share = backend.share_of_loss
    method.backend = types.SimpleNamespace(
        **{**vars(backend), "share_of_loss": lambda loss: share(loss) * backend.replica_count()}
    )


FAULTS = {
    "nogather": without_gather,
    "nogradient": without_gradient_of_gather,
    "nosync": without_sync,
    "noscaling": without_scaling,
}


def prepare(further):
    """Sets up what the words after method and optimizer say, and nothing else."""
    for module in (nt_xent, batch_norm, method):
        module.backend = backend
    keras.config.set_dtype_policy("mixed_bfloat16" if "bfloat16" in further else "float32")
    map_rows.tile_rows = (lambda angles, columns: 8) if "tiles" in further else TILE_ROWS
    for name, inject in FAULTS.items():
        if name in further:
            inject()


def run(case, folder, replicas):
    """`METHOD-OPTIMIZER[-bfloat16][-tiles][-FAULT]`."""
    name, optimizer, *further = case.split("-")
    prepare(further)
    keras.utils.set_random_seed(6)
    model = METHODS[name]()
    model.compile(OPTIMIZERS[optimizer]())
    knn = ks.evaluation.KNNCallback(*LABELLED, k=5, batch_size=33)
    space = ks.evaluation.SpaceCallback(LABELLED[0], batch_size=32)
    history = model.fit(
        data(BATCH * STEPS, steps_per_epoch=1),
        epochs=STEPS,
        shuffle=False,
        verbose=0,
        callbacks=[knn, space],
        validation_data=data(2 * BATCH, shuffle=False),
    ).history
    weights = {f"weight_{i}": value for i, value in enumerate(model.get_weights())}
    batches = ks.datasets.ArrayBatches(LABELLED[0], batch_size=33, shuffle=False, drop_last=False)
    both = [ks.evaluation.embed(model, x, batch_size=33) for x in (LABELLED[0], batches)]
    features = {"features": np.concatenate(both)}
    if backend.is_chief():
        history = {f"history_{name}": values for name, values in history.items()}
        np.savez(folder / f"{case}-{replicas}.npz", **history, **weights, **features)
        model.save(folder / f"{case}-{replicas}.keras")


def data_of(kind, folder, replicas):
    """What `fit` takes, of three batches of 16, 16 and 8 images in random order.

    Of "ragged" data the last batch has 5 images in order, of which two devices leave out the last;
    one device is given 4.
    """
    images, labels = IMAGES[:40], LABELS[:40].astype("int32")
    if kind == "numpy":
        return {"x": images, "y": labels, "batch_size": 16, "shuffle": True}
    if kind == "ragged":
        return {"x": images[: 36 if replicas == 1 else 37], "batch_size": 16, "shuffle": False}
    if kind == "split":
        images = {"x": images, "validation_split": 0.2, "shuffle": True}
        return images | {"batch_size": 16, "validation_batch_size": 8}
    if kind == "folder":
        dataset = ks.datasets.from_folder(folder / "photos", (16, 16), batch_size=16, seed=1)
        return {"x": dataset, "shuffle": False}
    if kind == "loader":
        import torch

        dataset = torch.utils.data.TensorDataset(torch.tensor(images), torch.tensor(labels))
        loader = torch.utils.data.DataLoader(
            dataset, 16, shuffle=True, generator=torch.Generator().manual_seed(1)
        )
        return {"x": loader, "shuffle": False}
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(40, seed=1).batch(16)
    return {"x": dataset, "shuffle": False}


def run_data(kind, folder, replicas):
    prepare([])
    keras.utils.set_random_seed(6)
    model = METHODS["SimCLR"]()
    model.compile(OPTIMIZERS["sgd"]())
    history = model.fit(**data_of(kind, folder, replicas), epochs=2, verbose=0).history
    if backend.is_chief():
        history = {f"history_{name}": values for name, values in history.items()}
        np.savez(folder / f"data-{kind}-{replicas}.npz", **history)


def load(path):
    """Writes the features that a saved model gives, on one device, into `PATH.npy`."""
    model = keras.saving.load_model(path)
    np.save(f"{path}.npy", ks.evaluation.embed(model, LABELLED[0], batch_size=33))


class SayThatItTrains(keras.callbacks.Callback):
    """Writes the process's number when training begins, and a file when it is well under way."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_train_begin(self, logs=None):
        part = 0 if backend.is_chief() else 1
        (self.folder / f"pid-{part}").write_text(str(os.getpid()))

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2 and backend.is_chief():
            (self.folder / "training").touch()


def run_forever(folder):
    model = METHODS["SimCLR"]()
    model.compile("sgd")
    says = [SayThatItTrains(folder)]
    model.fit(data(BATCH), epochs=10**9, shuffle=False, verbose=0, callbacks=says)


if __name__ == "__main__":
    if sys.argv[1] == "load":
        sys.exit(load(sys.argv[2]))
    folder, replicas = Path(sys.argv[1]), int(sys.argv[2])
    with ks.distribution.data_parallel(replicas):
        assert backend.device_count() == replicas
        for case in sys.argv[3:]:
            if case == "forever":
                run_forever(folder)
            elif case.startswith("data-"):
                run_data(case.removeprefix("data-"), folder, replicas)
            else:
                run(case, folder, replicas)
