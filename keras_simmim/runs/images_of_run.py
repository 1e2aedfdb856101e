import dataclasses

import numpy as np

from keras_simmim.runs.run_config import RunConfig
from keras_simmim.runs.run_data import RunData

# Images that int8 is calibrated on, where they are taken from a run.
_COUNT = 500


def images_of_run(config: RunConfig) -> np.ndarray:
    """Training images of a run to calibrate exported files on, uint8 `(N, H, W, C)`.

    Raises:
        RunError: for data that can't be found or read.
    """
    return RunData.load(dataclasses.replace(config, test_data=None)).some_images(_COUNT)
