import keras
import numpy as np
import pytest
from keras import ops

from keras_simmim import SimMIM
from keras_simmim.datasets import ArrayBatches
from keras_simmim.encoders import Standardize
from keras_simmim.evaluation import embed
from keras_simmim.views import ViewSplitter


def images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 6, 3), "uint8")


def encoder(output, dtype="uint8"):
    """An encoder whose features are known: pixels / 255, with noise in training."""
    inputs = keras.Input((8, 6, 3), dtype=dtype)
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.GaussianNoise(1.0)(x)
    if output == "tokens":
        x = keras.layers.Reshape((48, 3))(x)
    elif output == "vector":
        x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("output", ["map", "tokens", "vector"])
@pytest.mark.parametrize("count", [1, 4, 11])
def test_features_of_any_shape(output, count):
    x = images(count)
    features = embed(encoder(output), x, batch_size=4)
    assert features.shape == (count, 3) and features.dtype == "float32"
    np.testing.assert_allclose(features, x.mean((1, 2)) / 255, atol=1e-6)


def test_sources():
    x = images(11)
    model = encoder("map")
    expected = embed(model, x, batch_size=4)
    labels = np.zeros(11, int)
    dataset = ArrayBatches(x, labels, batch_size=4, shuffle=False, drop_last=False)
    sources = {
        "py dataset": dataset,
        "generator of images": (x[i : i + 3] for i in range(0, 11, 3)),
        "list of pairs": [(x[:2], labels[:2]), (x[2:], labels[2:])],
        "empty batch at the end": [x, x[:0]],
        "tensor": ops.convert_to_tensor(x),
        "tensors": [ops.convert_to_tensor(x)],
        "view": x[::-1],
    }
    for name, source in sources.items():
        features = embed(model, source, batch_size=5)
        features = features[::-1] if name == "view" else features
        np.testing.assert_allclose(features, expected, atol=1e-6, err_msg=name)


def test_tf_data():
    tf = pytest.importorskip("tensorflow")
    x = images(11)
    dataset = tf.data.Dataset.from_tensor_slices((x, np.zeros(11))).batch(4)
    model = encoder("map")
    np.testing.assert_allclose(embed(model, dataset), embed(model, x), atol=1e-6)


def test_a_layer_is_an_encoder():
    class Shift(keras.layers.Layer):
        def call(self, x):
            return ops.cast(x, "float32") + 1

    x = images(5)
    np.testing.assert_allclose(embed(Shift(), x, 2), x.mean((1, 2)) + 1, rtol=1e-5)


def test_bfloat16_features_are_averaged_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    x = np.full((3, 8, 6, 3), 255, "uint8")
    x[:, 0, 0] = 0
    features = embed(encoder("map"), x, batch_size=2)
    assert features.dtype == "float32"
    np.testing.assert_allclose(features, 47 / 48, atol=1e-6)  # bfloat16 has steps of 1/256


def test_batches_are_uint8_and_of_one_size():
    shapes = []

    class Watch(keras.Model):
        def call(self, x, training=False):
            return ops.mean(ops.cast(x, "float32"), axis=(1, 2))

        def predict_on_batch(self, x):
            shapes.append((x.shape[0], str(x.dtype)))
            return super().predict_on_batch(x)

    embed(Watch(), images(11), batch_size=4)
    assert shapes == [(4, "uint8")] * 3


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="Keras runs it first under JAX alone")
def test_nothing_runs_but_what_is_compiled():
    """Run operation by operation, views of six images took JAX 10 s, features twice as long."""
    import jax

    compiled = []

    def note(x):
        compiled.append(isinstance(x, jax.core.Tracer) or keras.backend.is_keras_tensor(x))

    class Watch(ViewSplitter):
        def call(self, x, seed=None):
            note(x)
            return super().call(x, seed)

    class Mean(keras.layers.Layer):
        def call(self, x):
            note(x)
            return ops.mean(ops.cast(x, "float32"), axis=(1, 2))

    for repeat in range(2):
        embed(Mean(), images(4), num_views=2, view_splitter=Watch(seed=repeat))
    assert compiled and all(compiled)


def test_features_do_not_depend_on_the_batch():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 6, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
    )
    x = images(7)
    np.testing.assert_allclose(embed(model, x, 2), embed(model, x, 100), rtol=1e-5, atol=1e-4)


def colours_of_views(x, splitter, seeds):
    """What the encoder above gives for views drawn with these seeds."""
    one = type(splitter).from_config({**splitter.get_config(), "num_views": 1})
    views = [ops.convert_to_numpy(one(x, seed=int(seed)))[:, 0] for seed in seeds]
    return np.mean([view.mean((1, 2)) / 255 for view in views], axis=0)


@pytest.mark.parametrize("num_views, policy", [(1, "float32"), (5, "mixed_bfloat16")])
def test_the_mean_over_views(num_views, policy):
    x = images(7).astype("float32") + 0.25
    model = encoder("map", dtype="float32")
    keras.config.set_dtype_policy(policy)  # which has no part in views
    splitter = ViewSplitter(num_views=2, crop_scale=(0.2, 0.5), jitter=0.0, grayscale=0.0, seed=4)
    features = embed(model, x, batch_size=4, num_views=num_views, view_splitter=splitter, seed=9)
    assert features.shape == (7, 3) and features.dtype == "float32"
    batches = (x[:4], np.concatenate([x[4:], x[-1:]]))
    expected = [
        colours_of_views(
            batch, splitter, np.random.SeedSequence([9, index]).generate_state(num_views) // 2
        )
        for index, batch in enumerate(batches)
    ]
    np.testing.assert_allclose(features, np.concatenate(expected)[:7], atol=1e-5)
    again = embed(model, x, batch_size=4, num_views=num_views, view_splitter=splitter, seed=9)
    np.testing.assert_array_equal(features, again)
    other = embed(model, x, batch_size=4, num_views=num_views, view_splitter=splitter, seed=8)
    assert np.abs(features - other).max() > 1e-3


def test_many_views_come_near_their_mean():
    """Of views that are whole images of another brightness, the mean is the image."""
    x = np.full((2, 8, 6, 3), [[[[50]]], [[[100]]]], "uint8")
    splitter = ViewSplitter(
        jitter=1.0, flip=0.0, contrast=0.0, saturation=0.0, hue=0.0, grayscale=0.0
    )
    features = embed(encoder("map", "float32"), x, num_views=64, view_splitter=splitter)
    np.testing.assert_allclose(features, x.mean((1, 2)) / 255, rtol=0.1)
    one = embed(encoder("map", "float32"), x, num_views=1, view_splitter=splitter)
    assert np.abs(one - features).max() > 0.01


def test_a_method_draws_its_own_views():
    splitter = ViewSplitter(crop_scale=(0.3, 0.6), view_size=8, jitter=0.0, grayscale=0.0)
    local = ViewSplitter(view_size=4, jitter=0.0, grayscale=0.0)
    body = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), "uint8")
    method = SimMIM(body, view_splitter=[splitter, local])
    # Images, views, images: ranks and sizes that TensorFlow must not trace for at once.
    whole = embed(method, x, batch_size=4)
    features = embed(method, x, batch_size=4, num_views=3)
    np.testing.assert_allclose(embed(method, x, batch_size=4), whole, rtol=1e-5)
    expected = embed(body, x, batch_size=4, num_views=3, view_splitter=splitter)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-2)
    given = embed(method, x, batch_size=4, num_views=3, view_splitter=local)
    assert np.abs(given - features).max() > 1


def test_views_that_can_not_be_drawn():
    with pytest.raises(ValueError, match="give `view_splitter` too.*Received: num_views=2 with"):
        embed(encoder("map"), images(3), num_views=2)
    with pytest.raises(ValueError, match="`num_views` must be a positive integer. Received"):
        embed(encoder("map"), images(3), num_views=0, view_splitter=ViewSplitter())
    with pytest.raises(ValueError, match="needs `num_views`"):
        embed(encoder("map"), images(3), view_splitter=ViewSplitter())


def test_nothing_to_embed():
    with pytest.raises(ValueError, match="no images"):
        embed(encoder("map"), images(0))
    with pytest.raises(
        ValueError, match="`batch_size` must be a positive integer. Received: batch_size=0"
    ):
        embed(encoder("map"), images(3), batch_size=0)

    class Endless(keras.utils.PyDataset):
        num_batches = None

    with pytest.raises(ValueError, match="no end"):
        embed(encoder("map"), Endless())


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x: x / 255, "Received: values of 0...1"),
        (lambda x: np.where(np.arange(4)[:, None, None, None] == 2, np.nan, x), "in image 2$"),
        (lambda x: x[0], r"`image\[None\]`"),
    ],
)
def test_what_a_model_of_raw_pixels_cannot_take(change, message):
    standardize = keras.Sequential([keras.Input((8, 6, 3)), Standardize()])
    with pytest.raises(ValueError, match=message):
        embed(standardize, change(images(4)))
    if "values" in message:  # what other models expect is theirs
        assert embed(encoder("map"), change(images(4))).max() < 0.01


@pytest.mark.parametrize(
    "order, message",
    [
        ({"shuffle": True, "drop_last": False}, "shuffle=True, which leaves out 0 of 11"),
        ({"shuffle": False, "drop_last": True}, "shuffle=False, which leaves out 3 of 11"),
    ],
)
def test_features_of_nobody_knows_which_images_are_refused(order, message):
    with pytest.raises(ValueError, match=message):
        embed(encoder("map"), ArrayBatches(images(11), batch_size=4, **order))


def test_single_images_are_refused():
    with pytest.raises(ValueError, match="Received: single images of shape \\(8, 6, 3\\)"):
        embed(encoder("map"), list(images(4)))
