import os
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from keras_simmim._numbers import check_integer, check_size_pair
from keras_simmim.datasets.batches import Batches, check_batches
from keras_simmim.datasets.check_range import check_range
from keras_simmim.datasets.find_images import find_images
from keras_simmim.datasets.folder_classes import check_class_names, folder_classes
from keras_simmim.datasets.image_file_error import ImageFileError
from keras_simmim.datasets.read_image import check_header, read_image


class ImageFolder(Batches):
    """Batches of the images of a folder, read and resized while training goes on.

    Made by `from_folder`. Threads decode the images of a batch, and those of the next batch while
    a step runs. See `Batches` for the order. The files are those of the start, whatever is added to
    the folder later. One that can't be read any more ends the training by an `ImageFileError`, or,
    with `skip_unreadable`, the next file that can be read stands in for it.

    Args:
        files: paths of the images.
        labels: int `(N,)`; None: batches are `(images,)`.
        class_names: names of the classes; empty without labels.
        skipped: paths that were left out.
        image_size: `(height, width)`.
        workers: threads that decode.
        skip_unreadable: whether another image stands in for one that can't be read any more.
        **kwargs: arguments of `Batches`.

    Attributes:
        files, labels, class_names, num_images: as above.
        skipped: as above, and files that could not be read later.
    """

    def __init__(
        self,
        files: list[Path],
        labels: np.ndarray | None,
        class_names: list[str],
        skipped: list[Path],
        image_size: tuple[int, int],
        workers: int = 2,
        skip_unreadable: bool = False,
        **kwargs,
    ):
        super().__init__(num_images=len(files), **kwargs)
        self.files = files
        self.labels = labels
        self.class_names = class_names
        self.skipped = skipped
        self.image_size = image_size
        self.skip_unreadable = skip_unreadable
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="image-folder")
        self._ahead: dict[int, list[Future]] = {}
        self._last_step = self.first_step - 1

    def whole(self):
        batches = super().whole()
        batches._ahead = {}  # what is read here is of the other batches
        return batches

    def load_step(self, step):
        pending = self._ahead.pop(step, None) or self._submit(step)
        for passed in self._ahead.keys() - {step + 1}:
            for future in self._ahead.pop(passed, ()):
                future.cancel()
        # Steps come one after the other, unless `fit` shuffles them: then none can be foreseen.
        if step == self._last_step + 1 and step + 1 not in self._ahead:
            self._ahead[step + 1] = self._submit(step + 1)
        self._last_step = step
        read = [future.result() for future in pending]
        if not read:  # fewer images than devices, and so nothing of this process
            images = np.empty((0, *self.image_size, 3), "uint8")
            return (images,) if self.labels is None else (images, self.labels[:0])
        for *_, unreadable in read:
            self._note(unreadable)
        images = np.stack([pixels for pixels, *_ in read])
        if self.labels is None:
            return (images,)
        return images, self.labels[[index for _, index, _ in read]]

    def _submit(self, step):
        return [self._threads.submit(self._read, index) for index in self.own_indices(step)]

    def _read(self, index):
        """Pixels of an image, or of the next that can be read; its index; files passed over."""
        unreadable: list[Path] = []
        while True:
            file = self.files[index]
            try:
                return read_image(file, self.image_size), index, unreadable
            except ImageFileError:
                unreadable.append(file)
                # As many as a batch, one after the other: the folder is gone, not a file.
                if not self.skip_unreadable or len(unreadable) > self.batch_size:
                    raise
                index = (index + 1) % self.num_images

    def _note(self, unreadable):
        for file in unreadable:
            if file not in self.skipped:
                self.skipped.append(file)
                warnings.warn(
                    f"The image {file} can't be read any more: another one stands in for it.",
                    stacklevel=2,
                )


def from_folder(
    path: str | os.PathLike,
    image_size: int | tuple[int, int] = (224, 224),
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int = 0,
    labels: str | None = "auto",
    skip_unreadable: bool = False,
    workers: int = 2,
    drop_last: bool | None = None,
    steps_per_epoch: int | None = None,
    first_step: int = 0,
    class_names: Sequence[str] | None = None,
) -> ImageFolder:
    """Reads the images of a folder, at any depth, for `fit`, `evaluate` and `embed`.

    Images are files of all formats of photos that the installed Pillow opens, .heic and .jxl where
    its plugins pillow-heif and pillow-jxl-plugin are installed. It warns of files that look like
    images but are left out. Images may have any size and mode: each is scaled to cover `image_size`
    and cropped to its centre, as RGB. If all of them lie in sub-folders, each sub-folder of `path`
    is a class. Some of them are looked at: where they use a sliver of 0...255 alone, as 12 bits in
    files of 16 do, it warns.

    Args:
        path: the folder.
        image_size: `(height, width)`, or one number for both.
        batch_size: images of a batch.
        shuffle: whether each pass has a new random order, a function of seed and pass alone.
        seed: seed of the order, an integer, 0...2**31 - 1.
        labels: `"auto"`: labels if there are classes; `"folders"`: it is an error if there are
            none; None: no labels.
        skip_unreadable: whether to leave out files that can't be read. All files are then decoded
            once before training, and another image stands in for a file that is lost or broken
            later; otherwise only headers are checked.
        workers: threads that decode.
        drop_last: whether the last batch of a pass is left out when it is not full; None: as
            `shuffle`, so that training steps are all alike and an evaluation sees every image.
        steps_per_epoch: batches that `fit` calls an epoch; None: one pass over the data.
        first_step: global step that epoch 0 begins with.
        class_names: names of the classes, in the order of their labels, as `class_names` of the
            folder that is trained on: a folder to test on, which may lack some, then has the same
            labels. Sub-folders of other names are an error. None: the sub-folders, sorted.

    Returns:
        `ImageFolder`, whose batches are `(images,)` or `(images, labels)`: uint8
        `(batch, height, width, 3)`, 0...255, and int64 `(batch,)`.

    Raises:
        ValueError: for a folder without images or fewer than a batch, classes that are not asked
            for, or arguments out of range.
        ImageFileError: a ValueError that names the file, for one that can't be read; while training
            goes on, too.

    Example:

    ```python
    dataset = keras_simmim.datasets.from_folder("photos", image_size=(224, 224), batch_size=32)
    model.fit(dataset, epochs=10, shuffle=False)
    ```
    """
    size = check_size_pair("image_size", image_size)
    workers = check_integer("workers", workers)
    numbers = check_batches(batch_size, seed, steps_per_epoch, first_step)
    if labels not in ("auto", "folders", None):
        raise ValueError(f'`labels` must be "auto", "folders" or None. Received: {labels!r}')
    asked_for = check_class_names(class_names, labels)
    root = Path(path).expanduser()
    files, skipped = _check(find_images(root), size, skip_unreadable, workers)
    classes, names = folder_classes(root, files, labels, asked_for)
    folder = ImageFolder(
        files,
        classes,
        names,
        skipped,
        size,
        workers,
        skip_unreadable,
        shuffle=shuffle,
        drop_last=shuffle if drop_last is None else drop_last,
        **numbers,
    )
    check_range(root, files, size, workers)
    return folder


def _check(files, image_size, skip_unreadable, workers):
    """Splits files into those that can be read and those to skip; raises for the latter."""

    def fault(file):
        try:
            if skip_unreadable:
                read_image(file, image_size)
            else:
                check_header(file)
        except ImageFileError as error:
            return error
        return None

    with ThreadPoolExecutor(workers) as threads:
        faults = list(threads.map(fault, files))
    skipped = [file for file, error in zip(files, faults, strict=True) if error]
    if not skipped:
        return files, []
    if not skip_unreadable:
        raise next(error for error in faults if error)
    readable = [file for file, error in zip(files, faults, strict=True) if not error]
    if not readable:
        raise ValueError(f"None of the {len(files)} image files can be read: {files[0]}, ...")
    names = ", ".join(str(file) for file in skipped[:5]) + (", ..." if len(skipped) > 5 else "")
    warnings.warn(
        f"{len(skipped)} of {len(files)} image files can't be read and are skipped: {names}",
        stacklevel=3,
    )
    return readable, skipped
