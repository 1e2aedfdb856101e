import keras
import numpy as np
import pytest
from check_layer import check_layer
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from PIL import Image
from properties import compiled, seeds

from keras_simmim.views import ViewSplitter

OFF = {
    **{"crop_scale": (1.0, 1.0), "crop_ratio": (1.0, 1.0)},
    **{"flip": 0, "jitter": 0, "grayscale": 0},
}
EVERYTHING = {"blur": 0.5, "solarize": 0.5, "grayscale": 0.5}


def random_images(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize(("channels", "dtype"), [(3, "uint8"), (5, "float32")])
def test_layer(channels, dtype):
    check_layer(
        lambda: ViewSplitter(num_views=3, view_size=(8, 10), seed=7, **EVERYTHING),
        random_images(4, 12, 9, channels, dtype=dtype),
        (4, 3, 8, 10, channels),
        call_kwargs={"seed": 3},
        output_dtype="float32",
        # TensorFlow's generator makes other numbers of a seed when XLA compiles it.
        deterministic=keras.backend.backend() != "tensorflow",
        tolerance=1e-2,  # of gray levels, of which there are 256
    )


class Replay(keras.layers.Layer):
    """Applies parameters that are drawn once."""

    def __init__(self, splitter, parameters):
        super().__init__()
        self.splitter, self.parameters = splitter, parameters
        self.built = True

    def call(self, images):
        return self.splitter.apply(images, self.parameters)

    def compute_output_shape(self, input_shape):
        return self.splitter.compute_output_shape(input_shape)


def test_compiled_views_are_the_eager_ones():
    splitter, images = ViewSplitter(view_size=12, **EVERYTHING), random_images(4, 16, 16, 3)
    parameters = splitter.draw(4, (16, 16), seed=3)
    replay = Replay(splitter, parameters)
    inputs = keras.Input((16, 16, 3), dtype="uint8")
    model = keras.Model(inputs, replay(inputs))
    model.compile(jit_compile=keras.backend.backend() != "torch")
    eager = ops.convert_to_numpy(splitter.apply(images, parameters))
    np.testing.assert_allclose(model.predict_on_batch(images), eager, atol=1e-2)


def test_same_image_different_views():
    images = np.repeat(random_images(1, 32, 32, 3), 256, axis=0)
    views = ops.convert_to_numpy(ViewSplitter(seed=0)(images))
    assert views.shape == (256, 2, 32, 32, 3)
    assert len({view.tobytes() for view in views.reshape(512, -1)}) == 512


def test_every_batch_has_other_views():
    splitter, images = ViewSplitter(seed=0), random_images(4, 16, 16, 3)
    first, second = (ops.convert_to_numpy(splitter(images)) for _ in range(2))
    assert np.abs(first - second).max() > 1


def test_seed_of_the_layer_and_of_the_call():
    images = random_images(4, 16, 16, 3)

    def views(seed, call_seed=None):
        return ops.convert_to_numpy(ViewSplitter(seed=seed)(images, seed=call_seed))

    np.testing.assert_array_equal(views(1), views(1))
    np.testing.assert_array_equal(views(1, call_seed=5), views(2, call_seed=5))
    assert np.abs(views(1) - views(2)).max() > 1
    generator = keras.random.SeedGenerator(5)
    np.testing.assert_array_equal(views(1, call_seed=generator), views(1, call_seed=5))
    assert np.abs(views(1, call_seed=generator) - views(1, call_seed=5)).max() > 1


def test_replay():
    splitter, images = ViewSplitter(**EVERYTHING), random_images(4, 16, 16, 3)
    parameters = splitter.draw(4, (16, 16), seed=3)
    first = ops.convert_to_numpy(splitter.apply(images, parameters))
    again = ops.convert_to_numpy(splitter.apply(images, parameters))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, ops.convert_to_numpy(splitter(images, seed=3)))


def test_an_image_has_the_same_views_in_any_company():
    splitter, images = ViewSplitter(**EVERYTHING), random_images(4, 16, 16, 3)
    parameters = splitter.draw(4, (16, 16))
    together = ops.convert_to_numpy(splitter.apply(images, parameters))
    alone = splitter.apply(images[2:3], {name: value[2:3] for name, value in parameters.items()})
    np.testing.assert_allclose(ops.convert_to_numpy(alone)[0], together[2], atol=1e-3)


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (16, 3), (224, 4)])
def test_identity_when_everything_is_off(size, channels):
    images = random_images(4, size, size, channels)
    views = ops.convert_to_numpy(ViewSplitter(**OFF)(images))
    expected = np.broadcast_to(images[:, None], views.shape)
    np.testing.assert_allclose(views, expected, rtol=0, atol=255e-6)


def test_flip_mirrors_exactly():
    images = random_images(4, 16, 16, 3)
    views = ops.convert_to_numpy(ViewSplitter(**{**OFF, "flip": 1})(images))
    np.testing.assert_allclose(views[:, 1], images[:, :, ::-1], rtol=0, atol=255e-6)


def test_colours_that_need_rgb_are_off_for_other_channels():
    images = random_images(4, 16, 16, 4)
    splitter = ViewSplitter(
        **{**OFF, "jitter": 1, "grayscale": 1}, brightness=0, contrast=0, saturation=1, hue=0.5
    )
    views = ops.convert_to_numpy(splitter(images))
    np.testing.assert_allclose(views, np.repeat(images[:, None], 2, axis=1), atol=255e-6)


def test_uint8_and_float_images_have_equal_views():
    images, splitter = random_images(4, 16, 16, 3), ViewSplitter(**EVERYTHING)
    views = [
        ops.convert_to_numpy(splitter(images.astype(dtype), seed=1))
        for dtype in ("uint8", "float32", "float64")
    ]
    np.testing.assert_array_equal(views[0], views[1])
    np.testing.assert_array_equal(views[0], views[2])


def test_views_are_clipped_to_the_range_of_pixels():
    splitter = ViewSplitter(jitter=1, brightness=3.0, contrast=3.0)
    views = ops.convert_to_numpy(splitter(random_images(4, 16, 16, 3)))
    assert views.min() == 0 and views.max() == 255


sides = st.integers(1, 20)
shares = st.sampled_from([0.0, 0.3, 1.0])


@given(
    shape=st.tuples(st.integers(1, 4), sides, sides, st.integers(1, 4)),
    dtype=st.sampled_from(["uint8", "float16", "float32", "int64"]),
    num_views=st.integers(1, 4),
    view_size=st.one_of(st.none(), sides, st.tuples(sides, sides)),
    crop_scale=st.tuples(st.floats(0.01, 0.5), st.floats(0.5, 1.0)),
    crop_ratio=st.tuples(st.floats(0.2, 1.0), st.floats(1.0, 5.0)),
    chances=st.fixed_dictionaries(
        {name: shares for name in ("flip", "jitter", "grayscale", "blur", "solarize")}
    ),
    strengths=st.fixed_dictionaries(
        {name: st.floats(0.0, 3.0) for name in ("brightness", "contrast", "saturation")}
    ),
    seed=seeds,
)
def test_any_images_become_views_of_the_promised_shape_and_range(
    shape, dtype, num_views, view_size, seed, crop_scale, crop_ratio, chances, strengths
):
    images = random_images(*shape, dtype=dtype)
    splitter = ViewSplitter(
        num_views=num_views,
        view_size=view_size,
        crop_scale=crop_scale,
        crop_ratio=crop_ratio,
        **chances,
        **strengths,
    )
    split = compiled(lambda images: splitter(images, seed=seed // 2))
    views = split(images)
    side = (view_size, view_size) if isinstance(view_size, int) else view_size or shape[1:3]
    assert views.shape == (shape[0], num_views, *side, shape[3])
    assert splitter.compute_output_shape(shape) == views.shape
    assert views.dtype == "float32"
    assert views.min() >= 0 and views.max() <= 255
    np.testing.assert_array_equal(views, split(images))
    if chances["jitter"] == chances["grayscale"] == chances["solarize"] == 0:
        # No channel leaves its range in the image by crop, flip and blur alone.
        pixels = images.astype("float32")
        low, high = pixels.min(axis=(1, 2)), pixels.max(axis=(1, 2))
        assert (views > low[:, None, None, None] - 1e-2).all()
        assert (views < high[:, None, None, None] + 1e-2).all()


def test_a_view_of_an_image_10000_pixels_wide():
    """It is Pillow's; a view of that length would need matrices of its square."""
    images = random_images(2, 8, 10_000, 1, dtype="float32")
    whole = {**OFF, "crop_ratio": (1250, 1250)}
    views = ops.convert_to_numpy(ViewSplitter(**whole, view_size=(8, 5))(images))
    for image, (view, _) in zip(images, views, strict=True):
        expected = Image.fromarray(image[..., 0]).resize((5, 8), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(view[..., 0], np.asarray(expected), atol=0.01)
    with pytest.raises(ValueError, match=r"smaller `view_size`. Received: .*\(2, 8, 10000, 1\)"):
        ViewSplitter()(images)


@pytest.mark.parametrize("view_size", [12, (8, 30)])
def test_constant_images_keep_their_colour_at_any_size(view_size):
    images = np.full((4, 16, 16, 3), (40, 120, 200), "uint8")
    splitter = ViewSplitter(view_size=view_size, jitter=0, grayscale=0, blur=0.5)
    views = ops.convert_to_numpy(splitter(images))
    size = (view_size, view_size) if isinstance(view_size, int) else view_size
    assert views.shape == (4, 2, *size, 3)
    np.testing.assert_allclose(views, np.broadcast_to((40, 120, 200), views.shape), atol=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_views": 0},
        {"num_views": 2.0},
        {"crop_scale": (0.0, 1.0)},
        {"crop_scale": (0.5, 0.2)},
        {"crop_scale": (0.5, 1.1)},
        {"crop_scale": 0.5},
        {"crop_ratio": (0, 1)},
        {"crop_ratio": (1, float("inf"))},
        {"view_size": 0},
        {"view_size": (32, 32, 3)},
        {"view_size": 22.5},
        {"flip": 1.5},
        {"jitter": -0.1},
        {"brightness": -1},
        {"contrast": "much"},
        {"saturation": None},
        {"hue": 0.6},
        {"grayscale": 2},
        {"blur": 2},
        {"blur_sigma": (0, 1)},
        {"solarize": 2},
        {"solarize_threshold": 300},
        {"seed": 1.5},
    ],
    ids=str,
)
def test_bad_arguments(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"`{name}`") as error:
        ViewSplitter(**arguments)
    assert f"Received: {name}={value!r}" in str(error.value)


@pytest.mark.parametrize("shape", [(None, None, 3), (32, 32), (32, 32, None)])
def test_unknown_or_wrong_image_shape(shape):
    with pytest.raises(ValueError, match="ViewSplitter takes images of shape"):
        ViewSplitter()(keras.Input(shape))


def test_one_image_without_a_batch():
    with pytest.raises(ValueError, match=r"Received: images of shape \(32, 32, 3\)"):
        ViewSplitter()(random_images(32, 32, 3))
