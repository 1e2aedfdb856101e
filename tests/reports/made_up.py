"""Runs that nobody trained, for pages that nobody waits for."""

import numpy as np

from keras_simmim.reports.pictures import Images, Pictures
from keras_simmim.reports.run_report import RunReport
from keras_simmim.reports.verdict import verdict

CLASSES = ["cats & dogs", "<b>birds</b>", 'ships "at sea"']


def made_up_images(count=60, side=12, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    images = rng.integers(0, 60, (count, side, side, 3)) + 90 * np.eye(3)[labels][:, None, None]
    return images.astype("uint8"), labels


def made_up_pictures(labelled=True, seed=0):
    images, labels = made_up_images(seed=seed)
    rng = np.random.default_rng(seed)
    shown = np.arange(4)
    maps = rng.random((4, 3, 2, 2))
    return Pictures(
        source=Images(
            images,
            labels if labelled else None,
            CLASSES if labelled else [],
            images if labelled else None,
            labels if labelled else None,
            "60 test images",
        ),
        shown=shown,
        views=[list(rng.integers(0, 256, (10, 12, 12, 3)).astype("float32")) for _ in shown],
        attention={"encoder": maps / maps.sum(axis=(2, 3), keepdims=True)},
        distances={"encoder": 0.31},
        places=rng.normal(size=(60, 2)).astype("float32"),
        queries=np.arange(5),
        neighbors=rng.integers(0, 60, (5, 8)),
        similarities=np.sort(rng.random((5, 8)))[:, ::-1],
        confusion=np.array([[15, 3, 2], [4, 16, 0], [1, 1, 18]]) if labelled else None,
        reconstructions=(images[:4].astype("float32"), rng.random((4, 12, 12)) > 0.5),
    )


def made_up_run(name="made up", pictures=None, epochs=12):
    t = np.arange(epochs) / epochs
    history = {
        "loss": (1 + np.exp(-5 * t)).tolist(),
        "contrastive_accuracy": t.tolist(),
        "knn_accuracy": [x if i % 2 else float("nan") for i, x in enumerate(0.2 + 0.3 * t)],
        "learning_rate": (1 - t).tolist(),
        "embedding_std": (0.05 + 0.03 * t).tolist(),
        "alignment": (0.4 - 0.1 * t).tolist(),
        "uniformity": (-1 - t).tolist(),
        "rankme": (10 + 40 * t).tolist(),
        "images_per_second": [500.0] * epochs,
        "input_wait": [0.01] * epochs,
    }
    return RunReport(
        name=name,
        title="SimMIM on 60 images of nothing",
        verdict=verdict(history),
        numbers=[("kNN accuracy", "50.0%"), ("loss", "1.007")],
        facts=[("Method", "SimMIM"), ("Batch", "20 images")],
        command="keras-simmim pretrain --data 'a folder' --crop-scale 0.2 1.0",
        settings=[("width", "4")],
        history=history,
        pictures=made_up_pictures() if pictures is None else pictures,
    )
