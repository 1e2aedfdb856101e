import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from keras_simmim.datasets.image_file_error import ImageFileError
from keras_simmim.datasets.read_image import read_image

# Files that are looked at, spread over all.
SAMPLE = 64
# Images whose values lie closer together than this are warned of: 14 bits in a file of 16 end here.
SLIVER = 64

_said: set[tuple[Path, int, int]] = set()


def check_range(
    root: Path, files: Sequence[Path], image_size: tuple[int, int], workers: int
) -> None:
    """Warns once of a folder whose images use a sliver of 0...255, as far as some of them tell.

    It is the least and the greatest value of all of them that counts, so that some dark images, or
    one light in the dark, are no reason.

    Args:
        root: the folder, for the warning.
        files: all of its images.
        image_size: `(height, width)` that they are scaled to.
        workers: threads that decode.
    """
    count = min(SAMPLE, len(files))
    chosen = [files[index * len(files) // count] for index in range(count)]

    def ends(file):
        try:
            pixels = read_image(file, image_size)
        except ImageFileError:
            return None  # which is told when its turn comes
        return pixels.min(), pixels.max()

    with ThreadPoolExecutor(workers) as threads:
        found = np.array([pair for pair in threads.map(ends, chosen) if pair])
    if len(found) == 0:
        return
    least, greatest = int(found[:, 0].min()), int(found[:, 1].max())
    if greatest - least > SLIVER or (len(found) == 1 and least == greatest):
        return
    told = (root.resolve(), least, greatest)
    if told in _said:  # a run reads its folder more than once
        return
    _said.add(told)
    height, width = image_size
    dark = "nearly black" if greatest <= SLIVER else "nearly of one brightness"
    warnings.warn(
        f"The images of {os.fspath(root)} are {dark}: of 0...255, the {len(found)} that were "
        f"looked at, at {height}x{width} pixels, use {least}...{greatest} alone, and little can be "
        "told apart in them. Files of 16 bits are read as 0...65535, also where only 10, 12 or 14 "
        "bits are used: spread their values over the whole range and save them with 8 bits, for 12 "
        "as `(pixels / 4095 * 255).astype('uint8')`. If they are meant to be like this, go on.",
        stacklevel=3,
    )
