import numpy as np

from keras_simmim.reports.spotlight import as_pillow, spotlight


def test_bright_where_attention_is():
    image = np.full((8, 8, 3), 200, "uint8")
    attention = np.array([[1.0, 0.0], [0.0, 0.0]])
    lit = spotlight(image, attention, side=16)
    assert lit.shape == (16, 16, 3)
    assert np.all(lit[0, 0] == 200) and np.all(lit[-1, -1] == 24)
    # Even attention lights all of it, and none at all does no harm.
    assert np.all(spotlight(image, np.full((2, 2), 0.25)) == 200)
    assert np.all(spotlight(image, np.zeros((2, 2))) == 24)


def test_images_of_other_channels():
    gray = np.asarray(as_pillow(np.full((2, 3, 1), 300.0)))
    assert gray.shape == (2, 3, 3) and np.all(gray == 255)
    assert np.asarray(as_pillow(np.zeros((2, 3, 5), "uint8"))).shape == (2, 3, 3)
    assert spotlight(np.zeros((4, 4, 1), "uint8"), np.ones((1, 1))).shape == (96, 96, 3)
