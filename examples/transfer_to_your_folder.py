"""A pre-trained encoder on a folder of a few hundred images of your own, beside one from scratch.

    python examples/transfer_to_your_folder.py ~/photos --image-size 64
    python examples/transfer_to_your_folder.py

Each sub-folder of the folder is a class; a third of its images are held out to test on. Without a
folder it writes one of 450 bundled images that the saved encoder was not trained on. Needs
`keras-simmim[probe]`.
"""

import argparse
import tempfile
from pathlib import Path

import keras_simmim as ks

import keras
import numpy as np
from PIL import Image

# The method's encoder, as trained: its copy from scratch has nothing of the training images in it.
MODEL = Path(__file__).parents[1] / "saved_models" / "simmim_resnet_cifar10" / "model.keras"


def write_folder(folder, count):
    """Some of the test images of the bundled sample, in a sub-folder for each class."""
    images, labels = ks.datasets.load("sample", "test")
    for index, (image, label) in enumerate(zip(images[:count], labels[:count], strict=True)):
        path = Path(folder) / f"class_{label}" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)


def read_folder(folder, image_size):
    """All images and labels, and which of them are held out: every third of each class."""
    dataset = ks.datasets.from_folder(folder, image_size, shuffle=False, labels="folders")
    images = np.concatenate([batch for batch, _ in dataset])
    labels = dataset.labels
    place_in_class = np.array([np.sum(labels[:i] == labels[i]) for i in range(len(labels))])
    held_out = place_in_class % 3 == 2
    print(
        f"{len(images)} images of {len(dataset.class_names)} classes, {held_out.sum()} to test on"
    )
    return (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="a folder with a sub-folder for each class")
    parser.add_argument("--model", default=MODEL, help="a .keras file of a method or an encoder")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as temporary:
        if options.folder is None:
            write_folder(temporary, 450)
        train, test = read_folder(options.folder or temporary, options.image_size)
    trained = ks.from_pretrained(options.model)
    scratch = trained.__class__.from_config(trained.get_config())
    accuracies = {}
    for name, encoder in (("from scratch", scratch), ("pre-trained", trained)):
        train_x, test_x = (ks.evaluation.embed(encoder, images) for images, _ in (train, test))
        accuracies[name] = {
            "linear probe": ks.evaluation.linear_probe(train_x, train[1], test_x, test[1]),
            "fine-tuned": ks.evaluation.fine_tune(
                encoder, *train, *test, epochs=options.epochs, batch_size=64
            ).accuracy,
        }
        figures = ", ".join(f"{way} {value:.1%}" for way, value in accuracies[name].items())
        print(f"{name}: {figures}")
    return accuracies


if __name__ == "__main__":
    main()
