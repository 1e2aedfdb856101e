"""The statistics of what is drawn, against the distributions asked for."""

import math

import numpy as np
import pytest
from keras import ops

from keras_simmim.views import ViewSplitter

COUNT = 4000  # images of two views: the standard error of a probability is below 0.006


def draw(image_size=(32, 32), **arguments):
    parameters = ViewSplitter(seed=0, **arguments).draw(COUNT, image_size)
    return {name: ops.convert_to_numpy(value) for name, value in parameters.items()}


def assert_uniform(values, low, high):
    """The greatest distance from the uniform distribution, as in a Kolmogorov-Smirnov test."""
    values = np.sort(values.ravel())
    assert low - 1e-4 <= values[0] and values[-1] <= high + 1e-4
    expected = (values - low) / (high - low)
    distance = np.abs(expected - np.arange(len(values)) / len(values)).max()
    assert distance < 1.95 / math.sqrt(len(values))  # one seed in a thousand would fail


@pytest.mark.parametrize("image_size", [(32, 32), (40, 30)])
def test_crop_area_ratio_and_position(image_size):
    """Below the areas at which a side of the crop could be longer than the image's."""
    box = draw(image_size, crop_scale=(0.1, 0.5))["box"]
    top, left, height, width = np.moveaxis(box, -1, 0)
    assert box.shape == (COUNT, 2, 4)
    assert_uniform(height * width / np.prod(image_size), 0.1, 0.5)
    assert_uniform(np.log(width / height), math.log(3 / 4), math.log(4 / 3))
    assert_uniform(top / (image_size[0] - height), 0, 1)
    assert_uniform(left / (image_size[1] - width), 0, 1)


def test_crops_stay_inside_the_image():
    """Sides longer than the image's are cut; where neither is, the ratio is kept."""
    box = draw((32, 24), crop_scale=(0.001, 1.0), crop_ratio=(1 / 2, 2))["box"]
    top, left, height, width = np.moveaxis(box, -1, 0)
    assert top.min() >= 0 and left.min() >= 0
    assert (top + height).max() <= 32 + 1e-4 and (left + width).max() <= 24 + 1e-4
    assert height.min() >= 1 and width.min() >= 1
    assert height.max() == 32 and width.max() == 24
    whole = (height < 32) & (width < 24) & (height > 1) & (width > 1)
    assert 0.5 < whole.mean() < 1
    ratio = (width / height)[whole]
    assert ratio.min() >= 1 / 2 - 1e-3 and ratio.max() <= 2 + 1e-3


def test_jitter_factors():
    parameters = draw(jitter=0.7, brightness=0.4, contrast=1.5, saturation=0.2, hue=0.1)
    jittered = parameters["brightness"] != 1
    assert abs(jittered.mean() - 0.7) < 0.025
    for name, low, high in (
        ("brightness", 0.6, 1.4),
        ("contrast", 0.0, 2.5),
        ("saturation", 0.8, 1.2),
        ("hue", -0.1, 0.1),
    ):
        neutral = 0 if name == "hue" else 1
        assert_uniform(parameters[name][jittered], low, high)
        np.testing.assert_array_equal(parameters[name][~jittered], neutral)
    correlation = np.corrcoef([parameters[n][jittered] for n in ("brightness", "contrast", "hue")])
    assert np.abs(correlation - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("probability", [0.2, 0.5, 1.0])
def test_probabilities(probability):
    parameters = draw(
        flip=probability, grayscale=probability, solarize=probability, blur=probability
    )
    drawn = [parameters[name] for name in ("flip", "grayscale", "solarize")]
    drawn.append(parameters["blur_sigma"] > 0)
    for values in drawn:
        assert values.shape == (COUNT, 2)
        assert abs(values.mean() - probability) < 0.025
        if probability < 1:
            # The views of an image are drawn apart from each other.
            assert abs(np.corrcoef(values.T)[0, 1]) < 0.06
    if probability < 1:
        assert np.abs(np.corrcoef([v.ravel() for v in drawn]) - np.eye(4)).max() < 0.06


def test_blur_sigma():
    sigma = draw(blur=0.5, blur_sigma=(0.3, 1.7))["blur_sigma"]
    assert_uniform(sigma[sigma > 0], 0.3, 1.7)


def test_operations_that_are_off_are_not_drawn():
    off = {"flip": 0, "jitter": 0, "grayscale": 0}
    assert set(draw(**off)) == {"box"}
    assert set(draw(brightness=0, hue=0)) == {
        *("box", "flip", "contrast", "saturation", "grayscale")
    }


def test_a_seed_gives_the_same_crops_whatever_the_colours():
    plain, colourful = draw(jitter=0, flip=0), draw(blur=0.5, solarize=0.5)
    np.testing.assert_array_equal(plain["box"], colourful["box"])
