import contextlib
import os
import urllib.error
import urllib.request

import numpy as np

from keras_simmim.backend.data_reader import import_tensorflow_as_reader, read_images


def load_cifar10(
    split: str, data_dir: str | os.PathLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Loads a split of CIFAR-10 through TensorFlow Datasets, as `load("cifar10")` describes."""
    try:
        import_tensorflow_as_reader()
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            "CIFAR-10 is read by TensorFlow Datasets: pip install 'keras-simmim[tfds]'. The "
            f'bundled `load("sample")` needs nothing more. ({error})'
        ) from error
    # TensorFlow Datasets looks at the variable only once, when it is imported.
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    try:
        builder = tfds.builder("cifar10", data_dir=data_dir)
        if not builder.is_prepared():
            # Without network the download would try for minutes before it gives up.
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(builder.info.homepage, timeout=20).close()
            builder.download_and_prepare()
    except Exception as error:  # whatever stops a download
        where = data_dir or "~/tensorflow_datasets"
        reason = (str(error).splitlines() or [""])[0]
        raise FileNotFoundError(
            f"CIFAR-10 is not prepared in {where} and can't be downloaded: set `data_dir` or "
            '$TFDS_DATA_DIR to a prepared copy, or use the bundled `load("sample")`. '
            f"({type(error).__name__}: {reason})"
        ) from error
    skip = {"image": tfds.decode.SkipDecoding()}
    return read_images(builder.as_dataset(split=split, decoders=skip))
