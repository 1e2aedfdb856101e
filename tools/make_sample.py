"""Draws the bundled sample from a prepared copy of CIFAR-10.

    python tools/make_sample.py [DATA_DIR]

500 training and 100 test images of each class, with a fixed seed. The encoded images are kept as
they are in the record files. Writes keras_simmim/datasets/sample.npz: for each split the images'
bytes one after the other, where each one ends, and the labels.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

TARGET = Path(__file__).parent.parent / "keras_simmim" / "datasets" / "sample.npz"
PER_CLASS = {"train": 500, "test": 100}
LARGEST = 8_000_000


def draw(data_dir: str | None, split: str, per_class: int, rng: np.random.Generator):
    """Returns the encoded images and labels of a split, `per_class` of each class."""
    dataset = tfds.load(
        "cifar10",
        split=split,
        data_dir=data_dir,
        decoders={"image": tfds.decode.SkipDecoding()},
    )
    examples = sorted(tfds.as_numpy(dataset), key=lambda example: example["id"])
    labels = np.array([example["label"] for example in examples])
    chosen = np.sort(
        np.concatenate(
            [
                rng.choice(np.flatnonzero(labels == label), per_class, replace=False)
                for label in np.unique(labels)
            ]
        )
    )
    return [examples[i]["image"] for i in chosen], labels[chosen]


def main():
    """Writes the sample."""
    parser = argparse.ArgumentParser(description="Draws the bundled sample of CIFAR-10.")
    parser.add_argument("data_dir", nargs="?", help="default: $TFDS_DATA_DIR")
    data_dir = parser.parse_args().data_dir
    rng = np.random.default_rng(0)
    arrays = {}
    for split, per_class in PER_CLASS.items():
        images, labels = draw(data_dir, split, per_class, rng)
        arrays[f"{split}_bytes"] = np.frombuffer(b"".join(images), "uint8")
        arrays[f"{split}_ends"] = np.cumsum([len(image) for image in images])
        arrays[f"{split}_labels"] = labels.astype("uint8")
    np.savez(TARGET, **arrays)
    size = TARGET.stat().st_size
    if size > LARGEST:
        TARGET.unlink()
        raise SystemExit(
            f"The sample would have {size:,} bytes, more than {LARGEST:,}: draw it from a copy "
            "that keeps its images as JPEG."
        )
    print(f"{TARGET}: {size:,} bytes")


if __name__ == "__main__":
    main()
