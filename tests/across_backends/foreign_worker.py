"""Runs under one backend, started by test_foreign_encoders.py: train FOLDER, or load FOLDER."""

import sys
from pathlib import Path

import keras
import numpy as np

import keras_simmim as ks

sys.path.insert(0, str(Path(__file__).parents[1]))

from foreign_encoders import ENCODERS  # noqa: E402


def some_images():
    return ks.datasets.load("sample", "test")[0][:16]


def train(folder):
    """Two steps with each encoder, then its features and files."""
    images = some_images()
    for name, make in ENCODERS.items():
        keras.utils.set_random_seed(0)
        model = ks.SimMIM(
            encoder=make(),
            view_splitter=ks.views.ViewSplitter(seed=0),
            attention_head=ks.heads.AttentionHead(num_heads=2, embedding_dim=8),
        )
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
        before = model.encoder.get_weights()
        history = model.fit(images, batch_size=8, verbose=0)
        pairs = zip(before, model.encoder.get_weights(), strict=True)
        path = folder / f"{name}_{keras.backend.backend()}"
        np.savez(
            path,
            loss=history.history["loss"],
            moved=[np.abs(a - b).max() for a, b in pairs],
            features=ks.evaluation.embed(model, images),
        )
        model.save(f"{path}.keras")
        model.encoder.save(f"{path}_encoder.keras")
        print(path.name, "trained", flush=True)


def load(folder):
    """Features under this backend of what each backend has saved."""
    features = {}
    for path in sorted(folder.glob("*.keras")):
        features[path.stem] = ks.evaluation.embed(keras.saving.load_model(path), some_images())
        print(path.name, "loaded under", keras.backend.backend(), flush=True)
    np.savez(folder / f"loaded_by_{keras.backend.backend()}", **features)


if __name__ == "__main__":
    {"train": train, "load": load}[sys.argv[1]](Path(sys.argv[2]))
