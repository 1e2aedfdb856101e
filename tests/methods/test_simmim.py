import keras
import numpy as np
import pytest
from small_methods import arrays_of, small_encoder, small_vit, some_images

import keras_simmim as ks


def small_simmim(**kwargs):
    arguments = {
        "encoder": small_encoder(),
        "view_splitter": ks.views.ViewSplitter(seed=1),
        "attention_head": ks.heads.AttentionHead(num_heads=2, embedding_dim=8),
        **kwargs,
    }
    return ks.SimMIM(**arguments)


@pytest.fixture(scope="module")
def trained():
    """A small model after two epochs, and its history."""
    keras.utils.set_random_seed(0)
    model = small_simmim()
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    images = some_images(24)
    history = model.fit(
        images,
        np.zeros(24),
        batch_size=8,
        epochs=2,
        validation_data=(images[:8], np.zeros(8)),
        verbose=0,
    )
    return model, history.history


def test_fit_reports_loss_and_metrics(trained):
    _, history = trained
    names = ("loss", "contrastive_accuracy", "embedding_std")
    for name in (*names, *(f"val_{name}" for name in names)):
        assert np.all(np.isfinite(history[name])) and len(history[name]) == 2
    assert history["loss"][1] != history["loss"][0]


def test_a_batch_of_many_tiles_trains_alike(monkeypatch):
    """Larger batches are compared tile by tile, of a size that is unknown when a graph is built."""

    def losses(tile):
        monkeypatch.setattr(ks.losses.map_rows, "tile_rows", lambda angles, columns: tile)
        keras.utils.set_random_seed(0)
        model = small_simmim()
        model.compile(optimizer=keras.optimizers.SGD(0.1))
        return model.fit(
            some_images(20), batch_size=12, epochs=2, shuffle=False, verbose=0
        ).history["loss"]

    np.testing.assert_allclose(losses(6), losses(256), rtol=1e-4)


def test_predict_gives_pooled_features_deterministically(trained):
    model, _ = trained
    images = some_images()
    features = model.predict(images, verbose=0)
    assert features.shape == (12, 16) and features.dtype == np.float32
    np.testing.assert_array_equal(features, model.predict(images, verbose=0))
    pooled = keras.ops.convert_to_numpy(model.encoder(images, training=False)).mean(axis=(1, 2))
    np.testing.assert_allclose(features, pooled, atol=1e-5)
    assert model.compute_output_shape((None, 16, 16, 3)) == (None, 16)


def test_validation_draws_the_same_views_each_time(trained):
    model, _ = trained
    images = some_images()
    first = model.evaluate(images, verbose=0, return_dict=True)
    assert model.evaluate(images, verbose=0, return_dict=True) == first
    state = keras.ops.convert_to_numpy(model.view_splitter.seed_generator.state.value)
    model.evaluate(images, verbose=0)
    after = keras.ops.convert_to_numpy(model.view_splitter.seed_generator.state.value)
    np.testing.assert_array_equal(state, after)


def test_save_and_load(trained, tmp_path):
    model, _ = trained
    images = some_images()
    model.save(tmp_path / "simmim.keras")
    loaded = keras.saving.load_model(tmp_path / "simmim.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    for part in ("view_splitter", "head", "embedding_loss"):
        assert getattr(loaded, part).get_config() == getattr(model, part).get_config()
    assert [v.shape for v in loaded.optimizer.variables] == [
        v.shape for v in model.optimizer.variables
    ]
    # Training goes on alike: optimizer state and seed generators came along.
    for each in (model, loaded):
        each.fit(images, batch_size=6, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(arrays_of(model.weights), arrays_of(loaded.weights), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_loss_of_a_step_is_nt_xent_of_the_views():
    """fit's loss is the loss of the embeddings of the views that the splitter draws next."""
    model = small_simmim()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    images = some_images()
    splitter = ks.views.ViewSplitter.from_config(model.view_splitter.get_config())
    views = keras.ops.convert_to_numpy(splitter(images))
    history = model.fit(images, batch_size=12, epochs=1, shuffle=False, verbose=0)
    again = small_simmim()
    again.set_weights(model.get_weights())
    flat = views.reshape(-1, *views.shape[2:])
    embeddings = again.head(again.encoder(flat, training=True), training=True)
    embeddings = keras.ops.convert_to_numpy(embeddings).reshape(12, 2, 2, 8)
    assert history.history["loss"][0] == pytest.approx(
        float(model.embedding_loss(embeddings)), rel=1e-4
    )


def test_ready_views_are_taken_as_they_are():
    model = small_simmim()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    views = np.stack([some_images(), 255 - some_images()], axis=1)
    values = model.evaluate(views, batch_size=12, verbose=0, return_dict=True)
    embeddings = model.embed_views(views)
    assert values["loss"] == pytest.approx(float(model.embedding_loss(embeddings)), rel=1e-5)
    features = keras.ops.convert_to_numpy(model(views))
    apart = [keras.ops.convert_to_numpy(model(views[:, v])) for v in range(2)]
    np.testing.assert_allclose(features, np.mean(apart, axis=0), atol=1e-5)
    model.fit(views, batch_size=12, verbose=0)


def test_view_splitters_of_several_sizes_add_up():
    sizes = [ks.views.ViewSplitter(num_views=2), ks.views.ViewSplitter(num_views=3, view_size=8)]
    model = small_simmim(encoder=small_encoder(size=None), view_splitter=sizes)
    assert model.embed_views(some_images()).shape == (12, 5, 2, 8)
    model.compile()
    model.fit(some_images(), batch_size=6, verbose=0)


def test_splitters_draw_views_of_their_own_by_one_seed():
    splitters = [ks.views.ViewSplitter(num_views=2), ks.views.ViewSplitter(num_views=2)]
    model = small_simmim(encoder=small_encoder(size=None), view_splitter=splitters)
    embeddings = keras.ops.convert_to_numpy(model.embed_views(some_images(), seed=3))
    assert not np.allclose(embeddings[:, :2], embeddings[:, 2:], atol=1e-3)
    views = ks.reports.drawn_views.drawn_views(model, some_images()[:1], seed=3)[0]
    again = keras.ops.convert_to_numpy(model.embed_views(np.stack(views)[None]))
    np.testing.assert_allclose(again, embeddings[:1], atol=1e-4)


@pytest.mark.parametrize("channels", [1, 5])
def test_other_numbers_of_channels(channels):
    model = small_simmim(encoder=small_encoder(channels=channels))
    model.compile()
    model.fit(some_images(channels=channels), batch_size=6, verbose=0)
    assert model.predict(some_images(channels=channels), verbose=0).shape == (12, 16)


class Tokens(keras.layers.Layer):
    """An encoder to tokens, built only when it sees an image."""

    def build(self, shape):
        self.dense = keras.layers.Dense(6)
        self.dense.build((None, None, shape[-1] * 4))

    def call(self, images):
        batch, height, width, channels = keras.ops.shape(images)
        images = keras.ops.cast(images, self.compute_dtype)
        x = keras.ops.reshape(images, (batch, height * width // 4, 4 * channels))
        return self.dense(x)

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] * shape[2] // 4, 6)


ENCODERS = {
    "sequential map": lambda: keras.Sequential([keras.layers.Conv2D(6, 3, strides=2)]),
    "sequential vector": lambda: keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(6)]
    ),
    "layer of tokens": Tokens,
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_any_encoder(name, policy):
    keras.config.set_dtype_policy(policy)
    model = small_simmim(encoder=ENCODERS[name]())
    model.compile()
    history = model.fit(some_images(), batch_size=6, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    features = model.predict(some_images(), verbose=0)
    assert features.shape == (12, 6) and features.dtype == np.float32


def test_mixed_bfloat16_is_close_to_float32():
    losses = {}
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        keras.utils.set_random_seed(0)
        model = small_simmim()
        model.compile(optimizer=keras.optimizers.SGD(0.01))
        history = model.fit(some_images(24), batch_size=24, epochs=3, shuffle=False, verbose=0)
        losses[policy] = history.history["loss"]
    np.testing.assert_allclose(losses["mixed_bfloat16"], losses["float32"], rtol=0.05)


def test_gradient_accumulation_updates_every_nth_batch():
    model = small_simmim()
    model.compile(optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    kernel = model.head.query
    start = keras.ops.convert_to_numpy(kernel)
    model.train_on_batch(some_images())
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), start)
    model.train_on_batch(some_images())
    assert np.abs(keras.ops.convert_to_numpy(kernel) - start).max() > 0


class StepCounter(ks.SimMIM):
    """Counts steps, and remembers a weight, after the optimizer's update."""

    def build(self, images_shape):
        super().build(images_shape)
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.query_after = self.add_weight(
            shape=self.head.query.shape, trainable=False, name="query_after"
        )
        self.shift = self.add_weight(shape=(), initializer="ones", name="shift")

    def after_train_step(self):
        self.count.assign_add(1.0)
        self.query_after.assign(self.head.query * 1.0)
        self.shift.assign(self.count)  # also what is trained may be set


def test_hook_after_the_update():
    model = StepCounter(encoder=small_encoder(), attention_head=ks.heads.AttentionHead(2, 8))
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    model.fit(some_images(), batch_size=4, epochs=2, verbose=0)
    assert float(model.count.value) == 6
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.query_after), keras.ops.convert_to_numpy(model.head.query)
    )
    assert float(model.shift.value) == 6
    model.evaluate(some_images(), verbose=0)
    assert float(model.count.value) == 6


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (some_images()[6 * index : 6 * index + 6],)


def tf_dataset():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(some_images()).batch(6)


def torch_loader():
    torch = pytest.importorskip("torch")
    images = torch.as_tensor(some_images())
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images), batch_size=6)


def torch_loader_of_images_alone():
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(torch.as_tensor(some_images()), batch_size=6)


def tensor():
    return keras.ops.convert_to_tensor(some_images())


def grain_loader():
    grain = pytest.importorskip("grain")
    return grain.MapDataset.source(some_images()).to_iter_dataset().batch(6)


def generator():
    for index in range(2):
        yield (some_images()[6 * index : 6 * index + 6],)


@pytest.mark.parametrize(
    "make",
    [
        *(Batches, tf_dataset, torch_loader, torch_loader_of_images_alone, tensor),
        *(grain_loader, generator),
    ],
)
def test_kinds_of_input(make):
    model = small_simmim()
    model.compile()
    history = model.fit(make(), verbose=0)
    assert np.isfinite(history.history["loss"][0])


def test_resumed_training_is_the_same_bit_for_bit(tmp_path):
    """Plain fit with BackupAndRestore, shuffle=False: stopped after epoch 2 of 4, then resumed."""

    def run(epochs, backup):
        keras.utils.set_random_seed(0)
        dropout = keras.Sequential([small_encoder(), keras.layers.Dropout(0.3, seed=5)])
        model = small_simmim(encoder=dropout)
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
        callbacks = [keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False)]
        model.fit(
            some_images(),
            batch_size=6,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
        return model

    ks.backend.enable_determinism()
    undisturbed = run(4, str(tmp_path / "a"))
    run(2, str(tmp_path / "b"))
    resumed = run(4, str(tmp_path / "b"))
    for a, b in zip(arrays_of(undisturbed.weights), arrays_of(resumed.weights), strict=True):
        np.testing.assert_array_equal(a, b)


def test_seed_states_are_saved_in_one_dtype(tmp_path):
    h5py = pytest.importorskip("h5py")
    model = small_simmim()
    model.compile()
    model.fit(some_images(), batch_size=6, verbose=0)
    model.save_weights(tmp_path / "simmim.weights.h5")
    with h5py.File(tmp_path / "simmim.weights.h5") as file:
        state = file["vars/seed_0"]
        assert state.dtype == np.int64
        assert state[1] == 2  # two batches, two draws


def test_rejects_sample_weights():
    model = small_simmim()
    model.compile()
    with pytest.raises(ValueError, match="no per-image weights"):
        model.fit(some_images(), np.zeros(12), sample_weight=np.ones(12), verbose=0)


@pytest.mark.parametrize("kwargs", [{"loss": "mse"}, {"metrics": ["accuracy"]}])
def test_rejects_a_loss_in_compile(kwargs):
    with pytest.raises(ValueError, match="brings its own loss and metrics"):
        small_simmim().compile(optimizer="sgd", **kwargs)


def test_rejects_view_size_that_the_encoder_does_not_take():
    with pytest.raises(ValueError, match="Received"):
        small_simmim(view_splitter=ks.views.ViewSplitter(view_size=24))


def test_rejects_images_of_other_channels():
    model = small_simmim(encoder=small_encoder(channels=1))
    model.compile()
    with pytest.raises(ValueError, match="made for images of 1 channels"):
        model.fit(some_images(channels=3), verbose=0)


def some(dtype="float32", **pixels):
    images = some_images(dtype=dtype)
    for value in pixels.values():
        images[5, 3, 2, 1] = value
    return images


@pytest.mark.parametrize(
    "data, message",
    [
        ({"x": some(nan=np.nan)}, "in image 5$"),
        ({"x": ks.datasets.ArrayBatches(some(nan=np.nan), batch_size=4)}, "in image 5$"),
        ({"x": some(), "validation_data": some(nan=np.nan)}, "in image 5$"),
        ({"x": some(), "validation_data": (some(nan=np.nan), np.zeros(12))}, "in image 5$"),
        ({"x": some() / 255}, "Received: values of 0...1"),
        ({"x": some()[..., [0, 1, 2, 2]]}, "leave out the alpha channel"),
        ({"x": some()[:1]}, "Received: batches of 1 image"),
        ({"x": some(), "batch_size": 1}, "Received: batches of 1 image"),
        ({"x": ks.datasets.ArrayBatches(some(), batch_size=1)}, "Received: batches of 1 image"),
        ({"x": some()[:0]}, "There are no images"),
        ({"x": some()[:9], "batch_size": 4}, "last batch of each epoch has one image"),
        ({"x": some(), "batch_size": 4, "validation_split": 0.25}, "Received: 9 images"),
    ],
)
def test_data_that_cannot_be_used_is_refused_before_a_step_is_taken(data, message):
    model = small_simmim()
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.fit(**data, verbose=0)
    assert int(model.optimizer.iterations) == 0
    if "values" in message or "image 5" in message and "validation_data" not in data:
        with pytest.raises(ValueError, match=message):
            model.evaluate(data["x"], verbose=0)


def dataset_of(elements, batch_size=None):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    return dataset if batch_size is None else dataset.batch(batch_size)


def loader_of(images):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(torch.as_tensor(images), batch_size=4)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: keras.ops.convert_to_tensor(some() / 255), "values of 0...1"),
        (lambda: keras.ops.convert_to_tensor(some()[:1]), "Received: batches of 1 image"),
        (lambda: dataset_of(some() / 255, 4), "values of 0...1"),
        (lambda: dataset_of((some() / 255, np.zeros(12)), 4), "values of 0...1"),
        (lambda: dataset_of({"image": some(), "label": np.zeros(12)}, 4), "map.lambda batch"),
        (lambda: dataset_of(some()), "dataset.batch"),
        (lambda: loader_of(some() / 255), "values of 0...1"),
        (lambda: loader_of(np.moveaxis(some(), -1, 1)), "these have them first"),
        (lambda: list(some()), "Received: a list of 12"),
    ],
)
def test_so_is_data_of_other_kinds(make, message):
    model = small_simmim()
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.fit(make(), verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_images_of_one_pixel():
    encoder = keras.Sequential(
        [keras.Input((1, 1, 3)), ks.encoders.Standardize(), keras.layers.Dense(4)]
    )
    model = small_simmim(encoder=encoder)
    model.compile()
    assert np.isfinite(model.fit(some_images(size=1), batch_size=6, verbose=0).history["loss"][0])
    assert model.predict(some_images(size=1), verbose=0).shape == (12, 4)


def test_rejects_images_of_another_rank():
    with pytest.raises(ValueError, match="Received: shape"):
        small_simmim(encoder=keras.Sequential([keras.layers.Conv2D(4, 3)])).build((None, 16, 16))


def inner(**kwargs):
    images = keras.Input((16, 16, 3), name="images")
    x = ks.encoders.Standardize()(images)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="inner")(x)
    encoder = keras.Model(images, keras.layers.Conv2D(16, 3, strides=2)(x))
    heads = {"inner": ks.heads.AttentionHead(num_heads=3, embedding_dim=8)}
    return small_simmim(encoder=encoder, **{"inner_heads": heads, **kwargs})


def test_inner_heads_look_at_inner_maps():
    model = inner()
    views = np.stack([some_images(), 255 - some_images()], axis=1)
    embeddings = keras.ops.convert_to_numpy(model.embed_views(views, training=True))
    assert embeddings.shape == (12, 2, 5, 8)
    again = inner()
    again.set_weights(model.get_weights())
    layer = again.encoder.get_layer("inner")
    both = keras.Model(again.encoder.input, [again.encoder.output, layer.output])
    maps = both(views.reshape(-1, 16, 16, 3).astype("float32"), training=True)
    (head,) = again.inner_heads.values()
    for x, each, angles in zip(maps, (again.head, head), ([0, 1], [2, 3, 4]), strict=True):
        expected = keras.ops.convert_to_numpy(each(x, training=True)).reshape(12, 2, -1, 8)
        np.testing.assert_allclose(embeddings[:, :, angles], expected, atol=1e-5)
    # What the encoder gives stays the output's.
    assert model.predict(some_images(), verbose=0).shape == (12, 16)


def test_inner_heads_train_and_are_saved(tmp_path):
    model = inner(online_probe=ks.heads.OnlineProbe(3))
    model.compile(keras.optimizers.Adam(1e-2))
    before = arrays_of(model.inner_heads["inner"].trainable_weights)
    data = some_images(), np.arange(12) % 3
    model.fit(*data, batch_size=6, verbose=0)
    after = arrays_of(model.inner_heads["inner"].trainable_weights)
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))
    model.save(tmp_path / "simmim.keras")
    loaded = keras.saving.load_model(tmp_path / "simmim.keras")
    assert len(loaded.weights) == len({id(weight) for weight in model.weights})
    for each in (model, loaded):
        each.fit(*data, batch_size=6, shuffle=False, verbose=0)
    for a, b in zip(arrays_of(model.weights), arrays_of(loaded.weights), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    "make, name, shape",
    [
        (small_encoder, "conv2d", (None, 7, 7, 8)),
        (lambda: ks.encoders.Normalized(small_encoder(), 127.5, 64.0), "conv2d", (None, 7, 7, 8)),
        (small_vit, "block_1", (None, 64, 8)),
    ],
    ids=["sequential", "normalized", "vit"],
)
def test_inner_heads_on_other_encoders(make, name, shape):
    keras.backend.clear_session()  # so that names of layers begin anew
    head = ks.heads.AttentionHead(num_heads=3, embedding_dim=8)
    model = small_simmim(encoder=make(), inner_heads={name: head})
    output, inner_map = model.encoder_with_maps.outputs
    assert inner_map.shape == shape and output.shape == model.features_shape
    views = np.stack([some_images(), 255 - some_images()], axis=1).astype("float32")
    features, _ = model.encoder_with_maps(views[:, 0])
    expected = keras.ops.convert_to_numpy(model.encoder(views[:, 0]))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(features), expected, atol=1e-5)
    assert model.embed_views(views).shape == (12, 2, 5, 8)


def test_the_encoder_comes_out_clean():
    """Without heads or views, and ready for a model of the user's own."""
    model = inner()
    heads = {id(v) for head in (model.head, *model.inner_heads.values()) for v in head.weights}
    assert heads and not heads & {id(v) for v in model.encoder.weights}
    classifier = keras.Sequential(
        [model.encoder, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    )
    classifier.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = arrays_of(model.encoder.trainable_weights)
    classifier.fit(some_images(), np.arange(12) % 3, verbose=0)
    after = arrays_of(model.encoder.trainable_weights)
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))
    assert classifier.predict(some_images(), verbose=0).shape == (12, 3)


def test_inner_heads_that_do_not_fit():
    head = ks.heads.AttentionHead(num_heads=2, embedding_dim=8)
    with pytest.raises(ValueError, match="such as .*inner.*Received: inner_heads=.'stage_9'."):
        inner(inner_heads={"stage_9": head})
    with pytest.raises(ValueError, match="can't be reached.*Received: Tokens"):
        small_simmim(encoder=Tokens(), inner_heads={"dense": head}).build((None, 16, 16, 3))
    with pytest.raises(ValueError, match="same number of dimensions. Received: 4 .*, 8 of"):
        inner(inner_heads={"inner": ks.heads.AttentionHead(num_heads=2, embedding_dim=4)})
