from pathlib import Path

import keras

from keras_simmim import datasets
from keras_simmim.runs.knn import knn
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import load_labelled
from keras_simmim.runs.run_error import RunError


def evaluate(
    run: Path,
    data: str | None = None,
    test_data: str | None = None,
    data_dir: str | None = None,
    k: int = 200,
    temperature: float = 0.1,
    batch_size: int = 512,
) -> float:
    """Prints and returns the kNN accuracy of a saved model or encoder on labelled images.

    Args:
        run: a run folder, or a `.keras` file of a method or an encoder.
        data: `"cifar10"`, `"sample"`, or a folder with a sub-folder for each class, whose images
            vote; None: the run's.
        test_data: folder of the images to classify, where `data` is a folder.
        data_dir: where TensorFlow Datasets keeps CIFAR-10.
        k: neighbours that vote.
        temperature: temperature of the votes.
        batch_size: images that are embedded at a time.

    Raises:
        RunError: for a run, data or options that can't be used.
    """
    path = run / "model.keras" if run.is_dir() else run
    if not path.is_file():
        raise RunError(f"{run} holds no model.keras: has its training ended?")
    image_size = 224
    if run.is_dir():
        config = RunConfig.from_json(run / "config.json")
        data, data_dir = data or config.data, data_dir or config.data_dir
        image_size = config.image_size
    if data is None:
        raise RunError("--data is needed with a .keras file: cifar10, sample or a folder.")
    try:
        labelled = _load(data, test_data, data_dir, image_size)
    except (ValueError, OSError, ImportError) as error:
        raise RunError(" ".join(str(error).split())) from error
    model = keras.saving.load_model(path)
    accuracy = knn(model, labelled, batch_size, k=k, temperature=temperature)
    print(
        f"kNN accuracy of {path} on {len(labelled[3]):,} test images of {data}: {accuracy:.2%} "
        f"(k={k}, temperature {temperature:g}, {len(labelled[1]):,} images vote)"
    )
    return accuracy


def _load(data, test_data, data_dir, image_size):
    if not Path(data).is_dir():
        return load_labelled(data, data_dir)
    if test_data is None:
        raise ValueError("--test-data is needed with a folder: a folder of the same classes.")
    folders = [
        datasets.from_folder(path, image_size, shuffle=False, labels="folders")
        for path in (data, test_data)
    ]
    if folders[0].class_names != folders[1].class_names:
        raise ValueError(
            f"The classes of {data} and {test_data} differ. Received: {folders[0].class_names} "
            f"and {folders[1].class_names}"
        )
    train, test = folders
    return train, train.labels, test, test.labels
