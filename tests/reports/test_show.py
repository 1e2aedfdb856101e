import keras
import numpy as np
import pytest
from small_methods import METHODS, some_images

import keras_simmim as ks

pyplot = pytest.importorskip("matplotlib.pyplot")
IMAGES = some_images(5)


def tiles(figure):
    """Titles and pixels of a figure, row by row; it can be drawn."""
    figure.canvas.draw()
    assert not pyplot.get_fignums()  # a notebook would show it twice
    return [(axis.get_title(), np.asarray(axis.images[0].get_array())) for axis in figure.axes]


def test_views_are_those_that_a_seed_draws():
    method = METHODS["SimMIM"]()
    shown = tiles(ks.reports.show_views(method, IMAGES[:2], seed=3))
    assert [title for title, _ in shown] == ["image", "view 1", "view 2"] * 2
    np.testing.assert_array_equal(shown[3][1], IMAGES[1])
    views = keras.ops.convert_to_numpy(method.view_splitter(IMAGES[:2], seed=3))
    np.testing.assert_array_equal(shown[5][1], views[1, 1].astype("uint8"))


def test_attention_lights_what_is_looked_at():
    method = METHODS["SimMIM"]()
    figure = ks.reports.show_attention(method, IMAGES[:2])
    shown = tiles(figure)
    assert [title for title, _ in shown] == ["image", "angle 1", "angle 2"] * 2
    maps = next(iter(ks.evaluation.attention_maps(method, IMAGES[:2]).values()))
    distance = ks.evaluation.angle_distance(maps)
    assert f"Angles differ by {distance:.0%} on" in figure.get_suptitle()
    with pytest.raises(ValueError, match="Received: SimCLR"):
        ks.reports.show_attention(METHODS["SimCLR"](), IMAGES)


def test_neighbors_are_named():
    method = METHODS["SimMIM"]()
    labels = np.arange(5) % 2
    figure = ks.reports.show_neighbors(
        method, IMAGES, queries=[3], neighbors=4, labels=labels, class_names=["even", "odd"]
    )
    shown = tiles(figure)
    assert shown[0][0] == "odd" and len(shown) == 5
    np.testing.assert_array_equal(shown[0][1], IMAGES[3])
    for title, pixels in shown[1:]:
        (row,) = [row for row in range(5) if np.array_equal(IMAGES[row], pixels)]
        assert row != 3 and title == ["even", "odd"][labels[row]]
    similarities = [
        float(title)
        for title, _ in tiles(ks.reports.show_neighbors(method, IMAGES, queries=1, neighbors=4))[1:]
    ]
    assert similarities == sorted(similarities, reverse=True)
    with pytest.raises(ValueError, match="Received: neighbors=5, 5 images"):
        ks.reports.show_neighbors(method, IMAGES, neighbors=5)


def test_reconstructions():
    method = METHODS["MaskedImageModel"]()
    shown = tiles(ks.reports.show_reconstructions(method, IMAGES[:1], seed=1))
    assert [title for title, _ in shown] == ["masked", "reconstruction", "image"]
    gray = np.all(shown[0][1] == 128, axis=-1)
    assert 0.5 < gray.mean() < 0.7
    np.testing.assert_array_equal(shown[1][1][~gray], IMAGES[0][~gray])
    with pytest.raises(ValueError, match="Received: SimMIM"):
        ks.reports.show_reconstructions(METHODS["SimMIM"](), IMAGES)
