from pathlib import Path

from keras_simmim import datasets, evaluation
from keras_simmim.load_model import load_model
from keras_simmim.runs.load_run import load_run
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import load_labelled, load_test_folder
from keras_simmim.runs.run_error import RunError


def evaluate(
    run: Path,
    data: str | None = None,
    test_data: str | None = None,
    data_dir: str | None = None,
    k: int = 200,
    temperature: float = 0.1,
    batch_size: int = 512,
    num_views: int | None = None,
    probe: bool = False,
    checkpoint: str | None = None,
    skip_unreadable: bool = False,
    image_size: int | None = None,
) -> dict[str, float]:
    """Prints and returns the accuracy of a saved model or encoder on labelled images.

    Args:
        run: a run folder, or a `.keras` file of a method or an encoder.
        data: `"cifar10"`, `"sample"`, or a folder with a sub-folder for each class, whose images
            vote; None: the run's.
        test_data: folder of the images to classify, where `data` is a folder.
        data_dir: where TensorFlow Datasets keeps CIFAR-10.
        k: neighbours that vote.
        temperature: temperature of the votes.
        batch_size: images that are embedded at a time.
        num_views: average the features over so many views of each image; None: whole images.
        probe: whether a linear classifier is fitted, too.
        checkpoint: `"last"` or `"best"` of a run folder; None: what the run has ended with.
        skip_unreadable: whether to leave out files of folders that can't be read; a run that does
            is judged so.
        image_size: side that images of folders get; None: that of a run on a folder.

    Returns:
        `"knn_accuracy"` and, with a probe, `"linear_probe_accuracy"`, 0...1.

    Raises:
        RunError: for a run, data or options that can't be used.
    """
    path = run / "model.keras" if run.is_dir() else run
    if checkpoint is None and not path.is_file():
        raise RunError(
            f"{run} holds no model.keras: has its training ended? --checkpoint last judges it as "
            "it is."
        )
    if run.is_dir():
        config = RunConfig.from_json(run / "config.json")
        data, data_dir = data or config.data, data_dir or config.data_dir
        test_data = test_data or config.test_data
        image_size = image_size or config.folder_image_size
        skip_unreadable = skip_unreadable or config.skip_unreadable
    if data is None:
        raise RunError("--data is needed with a .keras file: cifar10, sample or a folder.")
    try:
        if checkpoint is None:
            model, judged = load_model(path), str(path)
        else:
            model = load_run(run, checkpoint)
            judged = f"the {checkpoint} checkpoint of {run}"
        labelled = load_data(data, test_data, data_dir, image_size, skip_unreadable)
    except (ValueError, OSError, ImportError) as error:
        raise RunError(" ".join(str(error).split())) from error
    train_images, train_labels, test_images, test_labels = labelled
    try:
        train_x, test_x = (
            evaluation.embed(model, images, batch_size, num_views=num_views)
            for images in (train_images, test_images)
        )
        knn = evaluation.knn_accuracy(
            train_x, train_labels, test_x, test_labels, k=k, temperature=temperature
        )
    except ValueError as error:
        raise RunError(" ".join(str(error).split())) from error
    of = f"{judged} on {len(test_labels):,} test images of {data}"
    if num_views:
        of += f", features averaged over {num_views} views"
    results = {"knn_accuracy": knn}
    print(
        f"kNN accuracy of {of}: {knn:.2%} "
        f"(k={k}, temperature {temperature:g}, {len(train_labels):,} images vote)"
    )
    if probe:
        try:
            accuracy = evaluation.linear_probe(train_x, train_labels, test_x, test_labels)
        except ImportError as error:
            raise RunError(str(error)) from error
        results["linear_probe_accuracy"] = accuracy
        print(f"Linear probe of {of}: {accuracy:.2%}")
    return results


def load_data(data, test_data, data_dir, image_size, skip_unreadable=False):
    """Labelled data to judge by: train images and labels, test images and labels.

    Args:
        data: `"cifar10"`, `"sample"`, or a folder of classes, of which images are `ImageFolder`s.
        test_data: folder of the same classes to test on, where `data` is a folder.
        data_dir: where TensorFlow Datasets keeps CIFAR-10.
        image_size: side that images of a folder get.
        skip_unreadable: whether to leave out files of folders that can't be read.
    """
    if not Path(data).is_dir():
        return load_labelled(data, data_dir)
    if test_data is None:
        raise ValueError("--test-data is needed with a folder: a folder of the same classes.")
    if image_size is None:
        raise ValueError("--image-size is needed with a folder: the side that its images get.")
    train = datasets.from_folder(
        data, image_size, shuffle=False, labels="folders", skip_unreadable=skip_unreadable
    )
    test = load_test_folder(test_data, train, skip_unreadable)
    for folder in (train, test):
        # Features and labels are matched by position: no other image may stand in.
        folder.skip_unreadable = False
    return train, train.labels, test, test.labels
