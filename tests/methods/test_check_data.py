"""What is wrong with data is said before a step is taken, by whatever door it comes in."""

import keras
import numpy as np
import pytest
from small_methods import METHODS, some_images

import keras_simmim as ks


class PyData(keras.utils.PyDataset):
    def __init__(self, images, batch_size):
        super().__init__()
        self.images_ = images
        self.batch_size_ = batch_size

    def __len__(self):
        return -(-len(self.images_) // self.batch_size_)

    def __getitem__(self, index):
        return (self.images_[index * self.batch_size_ : (index + 1) * self.batch_size_],)


def generator(images, batch_size):
    for start in range(0, len(images), batch_size):
        yield (images[start : start + batch_size],)


def generator_of_images_alone(images, batch_size):
    for start in range(0, len(images), batch_size):
        yield images[start : start + batch_size]


def tf_dataset(images, batch_size):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(images).batch(batch_size)


def torch_loader(images, batch_size):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(torch.as_tensor(images), batch_size)


def torch_loader_of_a_stream(images, batch_size):
    torch = pytest.importorskip("torch")

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(torch.as_tensor(images))

    return torch.utils.data.DataLoader(Stream(), batch_size)


def grain_iterator(images, batch_size):
    grain = pytest.importorskip("grain")
    return grain.MapDataset.source(images).to_iter_dataset().batch(batch_size)


def grain_map(images, batch_size):
    grain = pytest.importorskip("grain")
    return grain.MapDataset.source(images).batch(batch_size)


every_kind = pytest.mark.parametrize(
    "make",
    [
        PyData,
        generator,
        generator_of_images_alone,
        tf_dataset,
        torch_loader,
        torch_loader_of_a_stream,
        grain_iterator,
        grain_map,
    ],
)


@pytest.fixture(scope="module")
def compiled():
    """One method for all tests, so that its steps compile once."""
    model = METHODS["SimCLR"]()
    model.compile()
    return model


@pytest.fixture
def model(compiled):
    """The method, of which a test must have made no step."""
    before = int(compiled.optimizer.iterations)
    yield compiled
    assert int(compiled.optimizer.iterations) == before


def nan_images():
    images = some_images(dtype="float32")
    images[0, 1, 2, 0] = np.nan
    return images


@every_kind
@pytest.mark.parametrize(
    "images, message",
    [
        (some_images() / 255, "Received: values of 0...1"),
        (some_images() / 127.5 - 1, r"\(images \+ 1\) \* 127.5"),
        (nan_images(), "pixels that are NaN or infinite"),
        (some_images(dtype="float32") * 257, "of 16 bits by"),
        (some_images(channels=4), "leave out the alpha channel"),
    ],
)
def test_wrong_pixels_are_told_from_every_door(model, make, images, message):
    images = images.astype("uint8" if images.shape[-1] == 4 else "float32")
    for call in (
        lambda: model.fit(make(images, 4), verbose=0),
        lambda: model.fit(some_images(), validation_data=make(images, 4), verbose=0),
        lambda: model.evaluate(make(images, 4), verbose=0),
        lambda: model.predict(make(images, 4), verbose=0),
        lambda: ks.evaluation.embed(model, make(images, 4)),
        lambda: ks.evaluation.embed(model.encoder, make(images, 4)),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_arrays_and_single_batches_are_doors_too(model):
    for images in (some_images() / 255, keras.ops.convert_to_tensor(some_images() / 255)):
        with pytest.raises(ValueError, match="Received: values of 0...1"):
            model.predict(images, verbose=0)
    for on_batch in (model.train_on_batch, model.test_on_batch):
        for images in (some_images() / 255, keras.ops.convert_to_tensor(some_images() / 255)):
            with pytest.raises(ValueError, match="Received: values of 0...1"):
                on_batch(images)
        with pytest.raises(ValueError, match="Received: batches of 1 image"):
            on_batch(keras.ops.convert_to_tensor(some_images(1)))
        with pytest.raises(ValueError, match="at least 2. Received: batches of 1 image"):
            on_batch(some_images(1))
    assert model.predict_on_batch(some_images(1)).shape == (1, 16)


@every_kind
def test_nothing_is_lost_by_looking(model, make):
    images = some_images()
    np.testing.assert_allclose(
        model.predict(make(images, 4), verbose=0),
        model.predict(images, batch_size=4, verbose=0),
        rtol=1e-5,
        atol=1e-5,
    )


@every_kind
def test_a_batch_with_nothing_to_compare_is_refused(model, make):
    for call in (
        lambda: model.fit(make(some_images(), 1), verbose=0),
        lambda: model.fit(some_images(), validation_data=make(some_images(), 1), verbose=0),
        lambda: model.evaluate(make(some_images(), 1), verbose=0),
    ):
        with pytest.raises(ValueError, match="at least 2. Received: batches of 1 image"):
            call()


# Keras says of some of them that they end earlier than it had thought.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@every_kind
def test_a_last_batch_of_one_image_is_left_out(model, make):
    images = some_images(9)
    expected = model.evaluate(images[:8], batch_size=4, verbose=0)
    np.testing.assert_allclose(model.evaluate(make(images, 4), verbose=0), expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_so_it_is_in_training(compiled):
    before = int(compiled.optimizer.iterations)
    compiled.fit(generator(some_images(9), 4), verbose=0)
    assert int(compiled.optimizer.iterations) == before + 2


def counts(model):
    """How many steps were made, and how many draws."""
    states = (state.value for state in model._seed_states())
    draws = [int(keras.ops.convert_to_numpy(state)[1]) for state in states]
    return [int(model.optimizer.iterations), *draws]


def test_the_end_of_data_of_unknown_length_is_no_step(compiled):
    """TensorFlow begins one step more, of which nothing may run."""
    expected = compiled.evaluate(some_images(), batch_size=4, verbose=0)
    found = compiled.evaluate(generator(some_images(), 4), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    before = counts(compiled)
    compiled.fit(generator(some_images(), 4), verbose=0)
    assert counts(compiled) == [count + 3 for count in before]


def test_so_it_is_of_arrays_that_validate(compiled):
    images = some_images(9)
    expected = compiled.evaluate(images[:8], batch_size=4, verbose=0)
    np.testing.assert_allclose(
        compiled.evaluate(images, batch_size=4, verbose=0), expected, rtol=1e-5
    )
    history = compiled.fit(
        images[:8], batch_size=4, verbose=0, validation_data=images, validation_batch_size=4
    ).history
    after = compiled.evaluate(images[:8], batch_size=4, verbose=0)
    np.testing.assert_allclose(history["val_loss"], after[:1], rtol=1e-5)


def test_batches_of_arrays_are_those_that_keras_makes(model, compiled):
    """Of so many steps, where there is no batch size."""
    for call in (
        lambda: model.fit(some_images(), steps_per_epoch=12, verbose=0),
        lambda: model.evaluate(some_images(), steps=12, verbose=0),
        lambda: model.fit(
            some_images(), validation_data=some_images(), validation_steps=12, verbose=0
        ),
    ):
        with pytest.raises(ValueError, match="at least 2. Received: batches of 1 image in `"):
            call()


def test_what_keras_does_not_hold_out_is_not_missed(compiled):
    compiled.fit(
        some_images(),
        batch_size=6,
        validation_split=1 / 12,
        validation_data=some_images(4),
        verbose=0,
    )
    compiled.fit(some_images(9), steps_per_epoch=3, verbose=0)  # 3 a batch, not 8 and 1


def one_image_in_a_larger_batch():
    torch = pytest.importorskip("torch")
    image = some_images(1)
    return [
        ks.datasets.ArrayBatches(image, batch_size=1, shuffle=False, drop_last=False),
        torch.utils.data.DataLoader(torch.as_tensor(image), 8),
        torch.utils.data.DataLoader(torch.as_tensor(some_images()), 8, sampler=[3]),
    ]


def test_a_batch_size_that_the_data_can_not_fill_hides_no_single_image(model):
    for data in one_image_in_a_larger_batch():
        with pytest.raises(ValueError, match="Received: batches of 1 image in `evaluate`"):
            model.evaluate(data, verbose=0)


@pytest.mark.parametrize("sampled, steps", [(8, 2), (9, 2), (10, 3)])
def test_a_loader_has_the_batches_of_its_sampler(compiled, sampled, steps):
    torch = pytest.importorskip("torch")
    for images in (some_images(12), some_images(9), some_images(10)):
        sampler = (list(range(len(images))) * 2)[:sampled]
        loader = torch.utils.data.DataLoader(torch.as_tensor(images), 4, sampler=sampler)
        before = int(compiled.optimizer.iterations)
        compiled.fit(loader, verbose=0)
        assert int(compiled.optimizer.iterations) == before + steps


@pytest.mark.parametrize(
    "data, received",
    [
        (
            {"x": some_images(64), "validation_split": 1 / 64},
            "batches of 1 image in `validation_split",
        ),
        (
            {"x": some_images(), "validation_data": some_images(1)},
            "batches of 1 image in `validation",
        ),
        (
            {"x": some_images(), "validation_data": (some_images(1), np.zeros(1))},
            "batches of 1 image",
        ),
        (
            {"x": some_images(), "validation_data": some_images(), "validation_batch_size": 1},
            "batches of 1 image in `validation",
        ),
    ],
)
def test_one_image_to_validate_on_is_refused(model, data, received):
    with pytest.raises(ValueError, match=f"at least 2. Received: {received}"):
        model.fit(**data, verbose=0)
    with pytest.raises(ValueError, match="Received: batches of 1 image in `evaluate`"):
        model.evaluate(some_images(1), verbose=0)


def test_masked_images_are_compared_with_nothing():
    model = METHODS["MaskedImageModel"]()
    model.compile()
    assert np.isfinite(model.evaluate(some_images(1), verbose=0))


def test_validation_data_may_be_a_list():
    model = METHODS["SimCLR"](online_probe=ks.heads.OnlineProbe(3))
    model.compile()
    labels = np.arange(12) % 3
    history = model.fit(
        some_images(), labels, batch_size=6, verbose=0, validation_data=[some_images(), labels]
    ).history
    np.testing.assert_allclose(
        history["val_loss"][0],
        model.evaluate(some_images(), labels, batch_size=6, verbose=0, return_dict=True)["loss"],
        rtol=1e-5,
    )


def test_weights_are_refused_by_their_names(model):
    labels = np.arange(12) % 3
    for weights in ({"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}}, {"sample_weight": np.ones(12)}):
        with pytest.raises(ValueError, match=f"no per-image weights.*`{next(iter(weights))}`"):
            model.fit(some_images(), labels, verbose=0, **weights)
    with pytest.raises(ValueError, match="no per-image weights.*`sample_weight`"):
        model.fit(some_images(), labels, verbose=0, validation_data=(some_images(), labels, labels))


def test_labels_of_a_dataset_are_looked_at():
    tf = pytest.importorskip("tensorflow")
    model = METHODS["SimCLR"](online_probe=ks.heads.OnlineProbe(3))
    model.compile()
    dataset = tf.data.Dataset.from_tensor_slices((some_images(), np.arange(12))).batch(6)
    with pytest.raises(ValueError, match="made for labels 0...2"):
        model.fit(dataset, verbose=0)


def test_labels_have_no_part_in_prediction():
    model = METHODS["SimCLR"](online_probe=ks.heads.OnlineProbe(3))
    labels = np.arange(12)  # classes that the probe does not know
    batches = ks.datasets.ArrayBatches(
        some_images(), labels, batch_size=6, shuffle=False, drop_last=False
    )
    assert model.predict(batches, verbose=0).shape == (12, 16)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_generator_that_is_used_up_ends_training_as_keras_does(compiled):
    # Keras begins a later epoch with the batches that it had peeked at.
    history = compiled.fit(generator(some_images(), 2), epochs=2, verbose=0)
    assert history.epoch == [0, 1]
    assert np.isfinite(history.history["loss"]).all()


def test_keras_does_not_warn_that_it_can_not_shuffle_unless_it_was_asked_to(compiled, recwarn):
    compiled.fit(generator(some_images(), 6), verbose=0, steps_per_epoch=2)
    assert not [w for w in recwarn if "shuffle=True" in str(w.message)]
    compiled.fit(generator(some_images(), 6), verbose=0, steps_per_epoch=2, shuffle=True)
    assert [w for w in recwarn if "shuffle=True" in str(w.message)]
