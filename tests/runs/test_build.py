import keras
import numpy as np
import pytest
from small_methods import some_images

import keras_simmim as ks
from keras_simmim import heads
from keras_simmim.runs import RunConfig
from keras_simmim.runs.build import build_method, build_optimizer
from keras_simmim.runs.defaults import fill_in, peak_learning_rate


def rate_at(optimizer, step):
    optimizer.iterations.assign(step)
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def test_step_schedule_is_the_missions():
    """Adam 1e-3, times 0.1 every 30 epochs."""
    config = RunConfig(
        optimizer="adam", learning_rate=1e-3, schedule="step", step_epochs=30, step_rate=0.1
    )
    optimizer = build_optimizer(config, total_steps=900, steps_per_pass=10)
    assert isinstance(optimizer, keras.optimizers.Adam)
    steps = (0, 299, 300, 599, 600)
    np.testing.assert_allclose(
        [rate_at(optimizer, step) for step in steps], [1e-3, 1e-3, 1e-4, 1e-4, 1e-5], rtol=1e-5
    )


def test_cosine_schedule_warms_up_and_ends_at_zero():
    config = RunConfig(optimizer="adam", learning_rate=0.5, warmup=0.1)
    optimizer = build_optimizer(config, total_steps=100, steps_per_pass=10)
    assert rate_at(optimizer, 0) == 0.0
    assert rate_at(optimizer, 5) == pytest.approx(0.25)
    assert rate_at(optimizer, 10) == pytest.approx(0.5)
    assert rate_at(optimizer, 55) == pytest.approx(0.25, rel=1e-4)
    assert rate_at(optimizer, 100) == pytest.approx(0.0, abs=1e-6)


def test_schedules_count_batches_when_gradients_accumulate():
    config = RunConfig(
        optimizer="adam",
        schedule="step",
        learning_rate=1.0,
        step_epochs=1,
        gradient_accumulation=2,
    )
    optimizer = build_optimizer(config, total_steps=40, steps_per_pass=10)
    assert optimizer.gradient_accumulation_steps == 2
    variable = keras.Variable(np.ones(1, "float32"))
    optimizer.build([variable])
    rates = []
    for _ in range(20):
        rates.append(float(keras.ops.convert_to_numpy(optimizer.learning_rate)))
        optimizer.apply([keras.ops.zeros(1)], [variable])
    # An epoch is 10 batches, whatever they add up to.
    np.testing.assert_allclose(rates, [1.0] * 10 + [0.1] * 10, rtol=1e-5)


def test_peak_learning_rates():
    assert peak_learning_rate(RunConfig(optimizer="sgd", batch_size=512)) == 0.4
    sgd = RunConfig(optimizer="sgd", batch_size=128, gradient_accumulation=2)
    assert peak_learning_rate(sgd) == 0.2
    assert peak_learning_rate(RunConfig(optimizer="adamw")) == 4e-3
    assert peak_learning_rate(RunConfig(encoder="vit")) == 1e-3
    assert peak_learning_rate(RunConfig(learning_rate=0.7)) == 0.7
    assert peak_learning_rate(RunConfig(method="simclr", optimizer="muon")) == 8e-3
    assert peak_learning_rate(RunConfig(method="simclr", optimizer="adam")) == 4e-3


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "muon", "lars"])
def test_biases_and_norms_do_not_decay(optimizer):
    config = RunConfig(
        optimizer=optimizer, learning_rate=1.0, schedule="constant", weight_decay=0.1
    )
    optimizer = build_optimizer(config, total_steps=10, steps_per_pass=5)
    names = ("kernel", "bias", "gamma", "beta")
    variables = [keras.Variable(np.ones(3, "float32"), name=name) for name in names]
    optimizer.build(variables)
    optimizer.apply([keras.ops.zeros(3)] * 4, variables)
    kernel, *others = [keras.ops.convert_to_numpy(variable) for variable in variables]
    assert kernel[0] < 1.0
    np.testing.assert_array_equal(others, 1.0)


@pytest.mark.parametrize("encoder", ["resnet10", "resnet18", "resnet34", "vit"])
def test_method_is_what_the_configuration_says(encoder):
    width = {"vit": 12}.get(encoder, 4)
    config = RunConfig(encoder=encoder, width=width, vit_depth=1, head="projection", view_size=16)
    images = some_images(2, 32, channels=1)
    model = build_method(config, images)
    assert model.built
    assert isinstance(model.head, heads.ProjectionHead)
    assert model.view_splitter.view_size == (16, 16)
    assert model(images).shape == (2, {"vit": 12}.get(encoder, 32))


METHODS = {
    "simmim": ks.SimMIM,
    "simclr": ks.SimCLR,
    "moco": ks.MoCo,
    "byol": ks.BYOL,
    "empssl": ks.EMPSSL,
    "mim": ks.MaskedImageModel,
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_built_with_its_defaults(method):
    width = 12 if method == "mim" else 4
    config = RunConfig(method=method, width=width, vit_depth=1)
    model = build_method(config, some_images(2, 32))
    assert type(model) is METHODS[method] and model.built
    assert config.num_views == {"empssl": 20, "mim": 1}.get(method, 4)
    assert config.encoder == ("vit" if method == "mim" else "resnet10")
    assert model.view_splitter.crop_scale == config.crop_scale
    assert None not in (config.temperature, config.optimizer, config.weight_decay, config.head)


@pytest.mark.parametrize("side,expected", [(32, (4, 4, 128, 4)), (64, (16, 6, 192, 3))])
def test_a_vit_is_smaller_for_small_images(side, expected):
    encoder = build_method(RunConfig(method="mim"), some_images(2, side)).encoder
    built = encoder.get_config()
    assert tuple(built[n] for n in ("patch_size", "depth", "width", "num_heads")) == expected


VIEWS = {
    **{"num_views": 3, "crop_scale": (0.3, 0.7), "crop_ratio": (0.6, 1.5), "flip": 0.11},
    **{"jitter": 0.21, "brightness": 0.31, "contrast": 0.41, "saturation": 0.51, "hue": 0.061},
    **{"grayscale": 0.71, "blur": 0.81, "blur_sigma": (0.2, 1.2)},
    **{"solarize": 0.91, "solarize_threshold": 101.0, "seed": 7},
}
# Of each method, what an option is called there.
ARGUMENTS = {
    "simmim": {},
    "simclr": {"temperature": "temperature"},
    "moco": {
        **{"temperature": "temperature", "queue_size": "queue_size"},
        **{"momentum_target": "momentum", "symmetric": "symmetric"},
    },
    "byol": {"momentum_target": "momentum", "total_steps": "momentum_steps"},
    "empssl": {"invariance": "invariance"},
    "mim": {"mask_unit": "mask_unit", "mask_ratio": "mask_ratio", "seed": "seed"},
}


@pytest.mark.parametrize("method", METHODS)
def test_every_option_arrives(method):
    options = {
        **{"temperature": 0.31, "queue_size": 17, "momentum_target": 0.83, "symmetric": False},
        **{"invariance": 21.0, "mask_unit": 16, "mask_ratio": 0.37, "total_steps": 9},
        **{"num_heads": 3, "embedding_dim": 6, "hidden_dim": 10},
        **{"vit_depth": 2, "vit_heads": 2, "vit_position": "relative", "patch_size": 8},
    }
    width = 8 if method == "mim" else 4
    config = RunConfig(method=method, width=width, **VIEWS, **options)
    model = build_method(config, some_images(2, 32))
    splitter = model.view_splitter.get_config()
    assert {name: splitter[name] for name in VIEWS} == VIEWS
    made = model.get_config()
    for option, argument in ARGUMENTS[method].items():
        assert made[argument] == getattr(config, option), argument
    if method == "simmim":
        assert model.embedding_loss.temperature == 0.31
        for head in (model.head, *model.inner_heads.values()):
            assert (head.num_heads, head.embedding_dim, head.hidden_dim) == (3, 6, 10)
        assert len(model.inner_heads) == 1
    elif method == "mim":
        vit = model.encoder.get_config()
        names = ("patch_size", "depth", "width", "num_heads", "position")
        assert [vit[name] for name in names] == [8, 2, 8, 2, "relative"]
    else:
        assert (model.head.embedding_dim, model.head.hidden_dim) == (6, 10)


@pytest.mark.parametrize(
    "side,expected",
    [(8, [1, 2]), (12, [2, 3]), (16, [2, 4]), (24, [2, 3]), (32, [2, 4]), (64, [2, 4])],
)
def test_attention_has_positions_to_choose_from(side, expected):
    """Sides of the maps that it looks at, those of the encoder and of the stage before its last."""
    model = build_method(RunConfig(width=2, encoder="resnet10"), some_images(4, side))
    images = keras.KerasTensor((4, side, side, 3))
    maps = model.encoder_with_maps.compute_output_spec(images)
    assert [x.shape[1:3] for x in maps] == [(side, side) for side in expected]


@pytest.mark.parametrize("side", [8, 16])
def test_small_images_train_every_weight(side, recwarn):
    """Where there is a single position, that is said, and queries get a gradient of zero."""
    model = build_method(RunConfig(width=2, num_views=2), some_images(4, side))
    model.compile(optimizer="sgd")
    model.train_on_batch(some_images(4, side))
    said = [str(warning.message) for warning in recwarn.list]
    assert not [text for text in said if "Gradients do not exist" in text]
    assert any("looks at a single position" in text for text in said) == (side == 8)


def test_what_is_given_is_not_filled_in():
    config = RunConfig(method="mim", num_views=2, jitter=0.5, weight_decay=0.0, encoder="vit")
    fill_in(config, 32)
    assert (config.num_views, config.jitter, config.weight_decay) == (2, 0.5, 0.0)


def test_byol_takes_no_head_of_unit_length():
    with pytest.raises(ValueError, match="Received: head=attention"):
        build_method(RunConfig(method="byol", head="attention", width=4), some_images(2, 32))


@pytest.mark.parametrize("stem", ["auto", "3x3", "7x7/4"])
def test_small_stems_start_by_whitening(stem):
    images = some_images(8, 32)
    stems = []
    for whiten in (True, False):
        keras.utils.set_random_seed(0)
        config = RunConfig(encoder="resnet10", width=4, stem=stem, whiten_stem=whiten)
        stems.append(build_method(config, images).encoder.get_layer("stem_conv").get_weights()[0])
    assert np.array_equal(*stems) == (stem == "7x7/4")
