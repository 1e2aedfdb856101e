import functools
import warnings
from pathlib import Path

import numpy as np

from keras_simmim import datasets
from keras_simmim.datasets.load import NAMES
from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_error import RunError


class RunData:
    """The images of a run: those to train on, and labelled ones to judge the features by.

    Made by `RunData.load`.

    Attributes:
        labelled: `(train_images, train_labels, test_images, test_labels)`, of folders a part; None
            for a folder without test data.
        class_names: names of the classes, an empty list where there are none.
        description: what the data is, for people.
        steps_per_pass: batches of one pass over the training images.
    """

    # Enough for a look during training to cost a second or two.
    PART = (10_000, 2_000)
    # Of folders, whose images are larger: they are kept in memory.
    PART_OF_FOLDERS = (2_000, 1_000)
    # And enough to tell how features spread.
    FEW = 512

    def __init__(self, config, labelled, class_names, folder, description):
        self._config = config
        self._folder = folder
        self.labelled = labelled
        self.class_names = class_names
        self.description = description
        self.steps_per_pass = len(self.batches())

    @classmethod
    def load(cls, config: RunConfig) -> "RunData":
        """Loads what `config.data` names.

        Raises:
            RunError: for data that can't be found or read, a batch larger than the data, or test
                data that does not fit.
        """
        try:
            if Path(config.data).is_dir():
                return cls._load_folder(config)
            if config.data in NAMES and config.test_data is not None:
                raise ValueError(
                    f"`test_data` goes with a folder of images: {config.data} has its own. "
                    f"Received: test_data={config.test_data}"
                )
            labelled = load_labelled(config.data, config.data_dir)
            description = f"{len(labelled[0]):,} images of {config.data}"
            return cls(config, labelled, list(datasets.class_names(config.data)), None, description)
        except (ValueError, OSError, ImportError) as error:
            raise RunError(" ".join(str(error).split())) from error

    @classmethod
    def _load_folder(cls, config):
        labels = "auto" if config.test_data is None else "folders"
        folder = datasets.from_folder(
            config.data,
            config.image_size,
            batch_size=config.batch_size,
            labels=labels,
            skip_unreadable=config.skip_unreadable,
        )
        labelled = None
        if config.test_data is not None:
            test = load_test_folder(config.test_data, folder, config.skip_unreadable)
            labelled = ()
            for part, most in zip((folder, test), cls.PART_OF_FOLDERS, strict=True):
                chosen = np.random.default_rng(0).permutation(part.num_images)[:most]
                labelled += (_read(part, chosen), part.labels[chosen])
        _check_count(config, folder.num_images)
        description = f"{folder.num_images:,} images of {config.data} at {config.image_size} px"
        return cls(config, labelled, folder.class_names, folder, description)

    def batches(self, steps_per_epoch: int | None = None, first_step: int = 0) -> datasets.Batches:
        """The training images in batches, shuffled by the run's seed, from a global step on."""
        order = {
            "batch_size": self._config.batch_size,
            "seed": self._config.seed,
            "steps_per_epoch": steps_per_epoch,
            "first_step": first_step,
        }
        if self._folder is None:
            return datasets.ArrayBatches(self.labelled[0], **order)
        folder = self._folder
        return datasets.ImageFolder(
            folder.files,
            None,
            [],
            folder.skipped,
            folder.image_size,
            skip_unreadable=folder.skip_unreadable,
            **order,
        )

    @functools.cached_property
    def part(self):
        """A stratified-by-chance part of the labelled images, for looks during training."""
        train_images, train_labels, test_images, test_labels = self.labelled
        rng = np.random.default_rng(0)
        train = rng.permutation(len(train_images))[: self.PART[0]]
        test = rng.permutation(len(test_images))[: self.PART[1]]
        return train_images[train], train_labels[train], test_images[test], test_labels[test]

    def pictured(self):
        """What a report shows: images, labels, class names, and images and labels that vote.

        Of a folder some images by chance, of which half vote where sub-folders are classes. Labels
        and what votes are None where there are none.
        """
        if self.labelled is not None:
            train_images, train_labels, images, labels = self.part
            return images, labels, self.class_names, train_images, train_labels
        folder = self._folder
        chosen = np.random.default_rng(0).permutation(folder.num_images)[: 2 * self.PART[1]]
        if folder.labels is None:
            return _read(folder, chosen[: self.PART[1]]), None, [], None, None
        half = len(chosen) // 2
        images, train_images = _read(folder, chosen[:half]), _read(folder, chosen[half:])
        labels, train_labels = folder.labels[chosen[:half]], folder.labels[chosen[half:]]
        return images, labels, folder.class_names, train_images, train_labels

    def named_images(self) -> tuple[np.ndarray, list[str] | None]:
        """`few_images` and their classes by name, None where they are not known."""
        if self.labelled is None:
            return self.few_images(), None
        return self.few_images(), [self.class_names[i] for i in self.part[3][: self.FEW]]

    def few_images(self) -> np.ndarray:
        """Some hundred images `(N, H, W, C)`, test images where there are any."""
        if self.labelled is not None:
            return self.part[2][: self.FEW]
        batches = self.batches().whole()
        steps = min(len(batches), max(1, self.FEW // batches.batch_size))
        return np.concatenate([batches[step][0] for step in range(steps)])[: self.FEW]

    def some_images(self, count: int = 1) -> np.ndarray:
        """Training images `(N, H, W, C)`: whole batches, at least `count` if there are as many."""
        batches = self.batches().whole()
        needed = range(min(len(batches), -(-count // self._config.batch_size)))
        if self._folder is not None:
            return np.concatenate([batches[index][0] for index in needed])
        return self.labelled[0][np.concatenate([batches.indices(index) for index in needed])]


def _read(folder, indices):
    """Images of a folder, one by one, uint8 `(N, height, width, 3)`."""
    some = datasets.ImageFolder(
        [folder.files[index] for index in indices],
        None,
        [],
        [],
        folder.image_size,
        batch_size=len(indices),
        shuffle=False,
    )
    return some.whole()[0][0]


def _check_count(config, num_images):
    config.num_images = config.num_images or num_images
    if num_images != config.num_images:
        warnings.warn(
            f"{config.data} held {config.num_images:,} images when the run began and holds "
            f"{num_images:,} now: it goes on with these, in another order than it would have had.",
            stacklevel=4,
        )


def load_labelled(name: str, data_dir: str | None = None):
    """Both splits of a named dataset: train images and labels, test images and labels.

    Raises:
        ValueError: for another name, as of a folder that is not there.
    """
    if name not in NAMES:
        raise ValueError(
            f"The data is {' or '.join(NAMES)}, or a folder of images: is the path right? "
            f"Received: {name!r}, where there is no folder"
        )
    return (
        *datasets.load(name, split="train", data_dir=data_dir),
        *datasets.load(name, split="test", data_dir=data_dir),
    )


def load_test_folder(
    path: str, train: datasets.ImageFolder, skip_unreadable: bool = False
) -> datasets.ImageFolder:
    """A folder of images to judge by, in order, of the classes and the size of another.

    Raises:
        ValueError: for one that has other classes; it may lack some.
    """
    return datasets.from_folder(
        path,
        train.image_size,
        shuffle=False,
        labels="folders",
        skip_unreadable=skip_unreadable,
        class_names=train.class_names,
    )
