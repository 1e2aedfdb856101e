import importlib.util
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_simmim.backend.data_reader import import_tensorflow_as_reader, read_images

pytest.importorskip("tensorflow")


def encode(image, file_format):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, file_format)
    return buffer.getvalue()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_pixels_are_those_of_pillow(file_format):
    tf = import_tensorflow_as_reader()
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 8, 3), "uint8")
    encoded = [encode(image, file_format) for image in images]
    dataset = tf.data.Dataset.from_tensor_slices({"image": encoded, "label": [3, 1, 2, 0]})
    read, labels = read_images(dataset)
    expected = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in encoded])
    np.testing.assert_array_equal(read, expected)
    assert read.dtype == "uint8" and labels.dtype == "int64"
    assert list(labels) == [3, 1, 2, 0]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_the_reader_is_quiet_and_sees_no_gpu():
    """In its own process: TensorFlow must not have been imported before."""
    program = (
        "from keras_simmim.backend.data_reader import import_tensorflow_as_reader\n"
        "tf = import_tensorflow_as_reader()\n"
        "print(tf.config.get_visible_devices('GPU'))\n"
        "import sys; print('kept', file=sys.stderr)"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert done.stderr == "kept\n"
