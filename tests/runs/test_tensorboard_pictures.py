import numpy as np
import pytest
from PIL import Image
from small_methods import METHODS, some_images

from keras_simmim.evaluation import embed
from keras_simmim.runs.tensorboard_pictures import TensorBoardPictures


def test_views_and_a_map_of_features(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    images = some_images(9)
    method = METHODS["SimMIM"]()
    method.compile(optimizer="sgd")
    names = [f"image {index}" for index in range(9)]
    callback = TensorBoardPictures(tmp_path, images, names)
    method.fit(images, batch_size=3, verbose=0, callbacks=[callback])
    events = loader.EventAccumulator(str(tmp_path))
    events.Reload()
    (sheet,) = events.Images("views")
    assert (sheet.width, sheet.height) == (2 * 16, 8 * 16)
    folder = tmp_path / "00003" / "features"
    assert (folder / "metadata.tsv").read_text().split("\n")[:2] == names[:2]
    features = np.loadtxt(folder / "tensors.tsv")
    np.testing.assert_allclose(features, embed(method, images), rtol=1e-5)
    with Image.open(folder / "sprite.png") as sprite:
        first = np.asarray(sprite.convert("RGB"))[:16, :16]
    np.testing.assert_allclose(first, images[0], atol=1)
    assert "features" in (tmp_path / "projector_config.pbtxt").read_text()
