"""What every method does: fit, validate, save, load, resume, learn labels on the side."""

import keras
import numpy as np
import pytest
from check_layer import check_arguments
from keras_calls import check_export, check_keras_calls
from small_methods import (
    METHODS,
    arrays_of,
    small_encoder,
    small_head,
    small_vit,
    some_images,
    splitter,
)

import keras_simmim as ks

every_method = pytest.mark.parametrize("name", METHODS)
# One of each kind of state; `slow` has the others.
most_state = pytest.mark.parametrize(
    "name",
    [
        name if name in ("MoCo", "MaskedImageModel") else pytest.param(name, marks=pytest.mark.slow)
        for name in METHODS
    ],
)
LABELS = np.arange(12) % 3


def fit(model, images=None, **kwargs):
    images = some_images() if images is None else images
    options = {"batch_size": 6, "shuffle": False, "verbose": 0, **kwargs}
    return model.fit(images, **options).history


@pytest.mark.parametrize(
    "name",
    [name if name == "SimMIM" else pytest.param(name, marks=pytest.mark.slow) for name in METHODS],
)
def test_images_that_are_all_alike_give_no_nan(name):
    """Black ones have no spread at all, in pixels, batch norm and embeddings."""
    model = METHODS[name]()
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    history = fit(model, images=np.zeros_like(some_images()), epochs=2)
    assert all(np.all(np.isfinite(values)) for values in history.values())
    for weights in arrays_of(model.weights):
        assert np.all(np.isfinite(weights))


@every_method
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fit_and_predict(name, policy):
    keras.config.set_dtype_policy(policy)
    model = METHODS[name]()
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    before = arrays_of(model.encoder.trainable_weights)
    history = fit(model, epochs=2, validation_data=(some_images(), LABELS))
    assert all(np.all(np.isfinite(values)) for values in history.values())
    for a, b in zip(before, arrays_of(model.encoder.trainable_weights), strict=True):
        assert np.abs(a - b).max() > 0
    features = model.predict(some_images(), verbose=0)
    assert features.shape == model.compute_output_shape((12, 16, 16, 3))
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, model.predict(some_images(), verbose=0))


@every_method
def test_saved_and_loaded_it_trains_on_alike(name, tmp_path):
    model = METHODS[name]()
    model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    check_arguments(model)
    for a, b in zip(arrays_of(model.weights), arrays_of(loaded.weights), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(fit(model)["loss"], fit(loaded)["loss"], rtol=1e-6)
    for a, b in zip(arrays_of(model.weights), arrays_of(loaded.weights), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@every_method
def test_made_or_loaded_nothing_is_left_to_build(name, tmp_path):
    """Under JAX, Keras would run it operation by operation before each `predict_on_batch`."""
    method = METHODS[name]()
    method.save(tmp_path / "method.keras")
    for each in (method, keras.saving.load_model(tmp_path / "method.keras")):
        assert not [layer.name for layer in each._flatten_layers() if not layer.built]


@every_method
def test_what_keras_calls_on_any_model(name, tmp_path):
    model = METHODS[name]()
    check_keras_calls(model)
    model.compile()
    fit(model)
    check_keras_calls(model, some_images(2))
    model.save(tmp_path / "model.keras")
    check_keras_calls(keras.saving.load_model(tmp_path / "model.keras"))


@pytest.mark.parametrize(
    "name",
    [name if name == "SimMIM" else pytest.param(name, marks=pytest.mark.slow) for name in METHODS],
)
def test_keras_exports_what_predict_gives(name, tmp_path):
    check_export(METHODS[name](), some_images(3, dtype="float32"), tmp_path)


def test_before_it_is_built_it_has_a_summary():
    encoder = keras.Sequential([ks.encoders.Standardize(), keras.layers.Conv2D(4, 3)])
    model = ks.SimCLR(encoder, splitter(), small_head())
    rows = []
    model.summary(expand_nested=True, print_fn=lambda text, **options: rows.append(text))
    assert "0 (unbuilt)" in rows[0]
    model.compile()
    fit(model)
    check_keras_calls(model, some_images(2))


def test_a_target_has_a_name_of_its_own():
    for name in ("MoCo", "BYOL"):
        model = METHODS[name]()
        names = [layer.name for layer in model.layers]
        assert len(set(names)) == len(names)
        assert model.get_layer(f"target_{model.encoder.name}") is model.target_encoder


def test_a_file_whose_loss_was_built_for_a_shape_has_a_summary(tmp_path):
    """Version 0.1.0 built losses when they were called, and Keras noted the shape in the file."""
    model = METHODS["SimCLR"]()
    model.embedding_loss.build((6, 2, 1, 8))
    model.save(tmp_path / "model.keras")
    check_keras_calls(keras.saving.load_model(tmp_path / "model.keras"))


def test_what_keras_can_not_do_is_said_in_words(monkeypatch, tmp_path):
    model = METHODS["SimMIM"]()
    for each in (model, ks.encoders.ResNet(10, 4, image_shape=(16, 16, 3))):
        with pytest.raises(ValueError, match="litert-int8.*Received: mode='int8'"):
            each.quantize("int8")

    def fail(*args, **kwargs):
        raise OverflowError("from deep inside\nand more")

    monkeypatch.setattr(keras.Model, "export", fail)
    with pytest.raises(RuntimeError, match="keras_simmim.export.*Keras said: from deep inside$"):
        model.export(tmp_path / "model", format="onnx")


def test_what_jit_compile_was_chosen_is_not_saved():
    """Chosen under JAX it would make torch compile, which takes minutes or fails."""
    model = METHODS["SimCLR"]()
    model.compile()
    assert model.get_compile_config()["jit_compile"] == "auto"
    model.compile(jit_compile=False)
    assert model.get_compile_config()["jit_compile"] is False


def test_what_does_not_decay_is_saved(tmp_path):
    model = METHODS["MaskedImageModel"]()
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "mask_token"])
    model.compile(optimizer=optimizer)
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        fit(each)
    for a, b in zip(arrays_of(model.weights), arrays_of(loaded.weights), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@most_state
def test_resumed_it_is_the_same_run_bit_for_bit(name, tmp_path):
    """Weights, targets, queues, optimizer and draws: stopped after epoch 1 of 2, then resumed."""

    def run(epochs, folder):
        keras.utils.set_random_seed(0)
        model = METHODS[name]()
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
        backup = keras.callbacks.BackupAndRestore(str(folder), delete_checkpoint=False)
        fit(model, epochs=epochs, callbacks=[backup])
        return model

    ks.backend.enable_determinism()
    undisturbed = run(2, tmp_path / "a")
    run(1, tmp_path / "b")
    resumed = run(2, tmp_path / "b")
    for a, b in zip(arrays_of(undisturbed.weights), arrays_of(resumed.weights), strict=True):
        np.testing.assert_array_equal(a, b)


@every_method
def test_validation_is_the_same_each_time_and_changes_nothing(name):
    model = METHODS[name]()
    model.compile()
    state = [*model.weights, *model._seed_states()]
    before = arrays_of(state)
    first = model.evaluate(some_images(), batch_size=6, verbose=0, return_dict=True)
    assert model.evaluate(some_images(), batch_size=6, verbose=0, return_dict=True) == first
    for a, b in zip(before, arrays_of(state), strict=True):
        np.testing.assert_array_equal(a, b)


@every_method
def test_the_online_probe_learns_and_leaves_the_method_alone(name):
    """With it every weight of the method becomes what it becomes without it."""
    ks.backend.enable_determinism()
    plain, probed = METHODS[name](), METHODS[name](online_probe=ks.heads.OnlineProbe(3))
    probe = [id(weight) for weight in probed.online_probe.weights]
    others = [weight for weight in probed.weights if id(weight) not in probe]
    for a, b in zip(others, plain.weights, strict=True):
        a.assign(keras.ops.convert_to_numpy(b))
    start = arrays_of(probed.online_probe.weights)
    losses = {}
    for model in (plain, probed):
        model.compile(optimizer=keras.optimizers.SGD(0.05))
        losses[model] = fit(model, y=LABELS, epochs=2)["loss"]
    for a, b in zip(start, arrays_of(probed.online_probe.weights), strict=True):
        assert np.abs(a - b).max() > 0
    np.testing.assert_allclose(losses[probed], losses[plain], rtol=1e-6)
    for a, b in zip(arrays_of(plain.weights), arrays_of(others), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@every_method
def test_the_online_probe_needs_labels(name):
    model = METHODS[name](online_probe=ks.heads.OnlineProbe(3))
    model.compile()
    with pytest.raises(ValueError, match="Received: images alone"):
        fit(model)


@every_method
def test_hidden_parts_are_no_part_of_the_encoder(name):
    model = METHODS[name]()
    ready = keras.Sequential([model.encoder, keras.layers.Dense(2)])
    assert ready(some_images(2)).shape[-1] == 2
    alone = small_vit() if name == "MaskedImageModel" else small_encoder()
    assert model.encoder.count_params() == alone.count_params() < model.count_params()


def test_labels_that_the_online_probe_cannot_learn_are_refused_before_a_step_is_taken():
    model = METHODS["SimCLR"](online_probe=ks.heads.OnlineProbe(2))
    model.compile()
    good, bad = LABELS % 2, LABELS % 2 + 1
    for data in (
        {"x": some_images(), "y": bad},
        {"x": ks.datasets.ArrayBatches(some_images(), bad, batch_size=4)},
        {"x": some_images(), "y": good, "validation_data": (some_images(), bad)},
    ):
        with pytest.raises(ValueError, match="made for labels 0...1"):
            model.fit(**data, verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_an_optimizer_below_loss_scaling_is_no_backends_own(tmp_path):
    model = METHODS["SimCLR"]()
    inner = keras.optimizers.AdamW(1e-3)
    model.compile(optimizer=keras.optimizers.LossScaleOptimizer(inner))
    config = model.get_compile_config()["optimizer"]
    for each in (config, config["config"]["inner_optimizer"]):
        assert each["module"] == "keras.optimizers"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(fit(loaded)["loss"], fit(model)["loss"], rtol=1e-5)


def test_splitters_of_one_seed_draw_other_views():
    def boxes(model):
        splitters = model.view_splitters
        return [keras.ops.convert_to_numpy(s.draw(4, (16, 16))["box"]) for s in splitters]

    def make():
        splitters = [ks.views.ViewSplitter(seed=seed) for seed in (42, 42, 7, 42)]
        return ks.SimCLR(small_encoder(), splitters, small_head())

    first = boxes(make())
    for index, one in enumerate(first):
        for other in first[:index]:
            assert np.abs(one - other).max() > 0.1
    for one, again in zip(first, boxes(make()), strict=True):
        np.testing.assert_array_equal(one, again)


@pytest.mark.parametrize("name", ["MoCo", "BYOL"])
def test_low_rank_updates_of_what_was_copied_are_refused(name):
    def encoder():
        return keras.Sequential(
            [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(4)]
        )

    method = {"MoCo": ks.MoCo, "BYOL": ks.BYOL}[name]
    after = method(encoder(), splitter(), small_head(normalize=False))
    after.compile()
    after.encoder.layers[-1].enable_lora(2)
    after.compile()
    with pytest.raises(ValueError, match="without a target.*Received: 4 weights.*copy has 2"):
        fit(after)


def test_features_are_predicted_in_the_order_of_the_images():
    model = METHODS["SimCLR"]()
    in_parts = {"shuffle": False, "drop_last": False}
    for options in (
        {},
        {"shuffle": False, "batch_size": 5},
        {**in_parts, "steps_per_epoch": 1},
        {**in_parts, "first_step": 1},
    ):
        batches = ks.datasets.ArrayBatches(some_images(), **{"batch_size": 4, **options})
        for use in (lambda b: model.predict(b, verbose=0), lambda b: ks.evaluation.embed(model, b)):
            with pytest.raises(ValueError, match="shuffle=False"):
                use(batches)
    in_order = ks.datasets.ArrayBatches(some_images(), batch_size=5, shuffle=False, drop_last=False)
    np.testing.assert_allclose(
        model.predict(in_order, verbose=0), model.predict(some_images(), verbose=0), atol=1e-5
    )


@pytest.mark.parametrize(
    "labels, message",
    [(np.eye(3)[LABELS], "of one-hot labels"), (LABELS + 0.5, "an integer label for each image")],
)
def test_labels_of_another_kind_are_refused_by_the_loss(labels, message):
    """From whatever they come: a batch after the first, or `train_on_batch`."""
    model = METHODS["SimCLR"](online_probe=ks.heads.OnlineProbe(3))
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(some_images(), labels)
