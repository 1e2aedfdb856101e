"""Numeric arguments of the package: NumPy's numbers are taken as Python's, nonsense is refused.

`CASES` has an entry for each public class and function with numeric arguments; a test says which is
missing. The numbers in it are exact in float32, so that NumPy's equal Python's.
"""

import functools
import inspect
import json
import tempfile
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest
from PIL import Image
from small_methods import METHODS, small_encoder, small_head, small_vit, some_images, splitter

import keras_simmim as ks

NAN, INF = float("nan"), float("inf")
NEVER_MEANT = [True, np.True_, NAN, np.float32(NAN), INF, -INF, -1, np.int64(-1), "4", 1j]
ROOMS = (
    *(ks, ks.datasets, ks.distribution, ks.encoders, ks.evaluation, ks.heads, ks.losses),
    *(ks.metrics, ks.optimizers, ks.reports, ks.views),
)
# Classes that others make, arguments that Keras checks, and what has been measured.
NO_DOORS = {
    ("BatchNorm", "epsilon"): "Keras's",
    ("BatchNorm", "momentum"): "Keras's",
    ("FineTuned", "accuracy"): "measured",
    ("ImageFolder", "batch_size"): "made by `from_folder`",
    ("ImageFolder", "image_size"): "made by `from_folder`",
    ("ImageFolder", "workers"): "made by `from_folder`",
    ("fine_tune", "verbose"): "Keras's",
}


class Case(NamedTuple):
    """How something public is called, and valid numbers for all of its numeric arguments."""

    make: Callable
    numbers: dict
    signs: tuple = ()  # arguments that may be negative


def layer(cls, **fixed):
    return functools.partial(cls, **fixed)


IMAGES = some_images(12)
LABELS = np.arange(12) % 3
FEATURES = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
SETS = (FEATURES, LABELS, FEATURES, LABELS)
PICTURES = (IMAGES, LABELS, IMAGES, LABELS)


def folder():
    """A function that reads a folder of images, made when it is first asked for."""

    @functools.cache
    def made():
        folder = tempfile.TemporaryDirectory()
        for index, image in enumerate(IMAGES[:4]):
            Image.fromarray(image).save(f"{folder.name}/{index}.png")
        return folder

    def read(**numbers):
        batches = ks.datasets.from_folder(made().name, **numbers)
        return [batches[0][0], *attributes(batches, "seed", "first_step", "steps_per_epoch")]

    return read


def attributes(made, *names):
    """What an object without a configuration keeps, which must be Python's own."""
    values = [getattr(made, name) for name in names]
    assert all(type(value) in (int, float) for value in values), values
    return values


def keeping(cls, *arguments):
    """A function that makes an object without a configuration and returns the numbers it keeps."""
    return lambda **numbers: attributes(cls(*arguments, **numbers), *numbers)


@functools.cache
def encoder():
    return ks.encoders.ResNet(depth=10, width=2, image_shape=(16, 16, 3))


@functools.cache
def method(name):
    return METHODS[name]()


def views_of(seed):
    made = ks.views.ViewSplitter(num_views=1, view_size=4)
    return keras.ops.convert_to_numpy(made(IMAGES[:2], seed=seed))


def masks_of(seed):
    made = ks.views.PatchMasker(8, 4)
    return keras.ops.convert_to_numpy(made(IMAGES[:2], seed=seed))


def devices_of(devices):
    with ks.distribution.data_parallel(devices):
        return ks.distribution.device_count()


def figure_pixels(draw):
    """A function that draws a Matplotlib figure and returns the pixels in it."""

    def pixels(**numbers):
        pytest.importorskip("matplotlib")
        return [np.asarray(axis.images[0].get_array()) for axis in draw(**numbers).axes]

    return pixels


CASES = {
    "ViewSplitter": Case(
        ks.views.ViewSplitter,
        {
            **{"num_views": 2, "crop_scale": (0.25, 1.0), "crop_ratio": (0.5, 2.0), "view_size": 8},
            **dict.fromkeys(("flip", "jitter", "brightness", "contrast", "saturation"), 0.5),
            **{"hue": 0.125, "grayscale": 0.25, "blur": 0.5, "blur_sigma": (0.5, 2.0)},
            **{"solarize": 0.5, "solarize_threshold": 128, "seed": 3},
        },
    ),
    "ViewSplitter.call": Case(views_of, {"seed": 3}),
    "PatchMasker": Case(
        ks.views.PatchMasker, {"unit_size": 8, "patch_size": 4, "ratio": 0.5, "seed": 2**31 - 1}
    ),
    "PatchMasker.call": Case(masks_of, {"seed": 3}),
    "ResNet": Case(
        ks.encoders.ResNet,
        {"depth": 10, "width": 2, "image_shape": (16, 16, 3), "mean": 2.5, "std": 64.0},
        signs=("mean",),
    ),
    "ResNet.stage_end": Case(lambda stage: encoder().stage_end(stage), {"stage": 2}),
    "ViT": Case(
        ks.encoders.ViT,
        {
            **{"image_shape": (8, 8, 3), "patch_size": 4, "depth": 1, "width": 8, "num_heads": 2},
            **{"mlp_ratio": 1.5, "dropout": 0.25, "mean": 127.5, "std": 64.0},
        },
        signs=("mean",),
    ),
    "Standardize": Case(ks.encoders.Standardize, {"mean": 2.5, "std": 64}, signs=("mean",)),
    "Normalized": Case(
        layer(ks.encoders.Normalized, encoder=keras.layers.Identity()),
        {"mean": 2.5, "std": 64.0},
        signs=("mean",),
    ),
    "AttentionHead": Case(
        ks.heads.AttentionHead, {"num_heads": 2, "embedding_dim": 4, "hidden_dim": 6}
    ),
    "ProjectionHead": Case(ks.heads.ProjectionHead, {"embedding_dim": 4, "hidden_dim": 6}),
    "OnlineProbe": Case(ks.heads.OnlineProbe, {"num_classes": 3}),
    "NTXent": Case(ks.losses.NTXent, {"temperature": 0.5}),
    "InfoNCE": Case(ks.losses.InfoNCE, {"temperature": 0.5}),
    "EMPSSLLoss": Case(ks.losses.EMPSSLLoss, {"invariance": 200, "epsilon_squared": 0.25}),
    "Uniformity": Case(ks.metrics.Uniformity, {"t": 2.0}),
    "LARS": Case(
        ks.optimizers.LARS,
        {
            **{"learning_rate": 0.5, "momentum": 0.5, "weight_decay": 0.25},
            "trust_coefficient": 0.125,
        },
    ),
    "Muon": Case(
        ks.optimizers.Muon,
        {
            **{"learning_rate": 0.5, "momentum": 0.5, "beta_1": 0.5, "beta_2": 0.25},
            **{"epsilon": 0.125, "weight_decay": 0.25},
        },
    ),
    "SimCLR": Case(
        lambda **n: ks.SimCLR(small_encoder(), splitter(), small_head(), **n), {"temperature": 0.5}
    ),
    "MoCo": Case(
        lambda **n: ks.MoCo(small_encoder(), splitter(), small_head(), **n),
        {"temperature": 0.5, "queue_size": 20, "momentum": 0.5},
    ),
    "BYOL": Case(
        lambda **n: ks.BYOL(small_encoder(), splitter(), small_head(normalize=False), **n),
        {"momentum": 0.5, "momentum_steps": 6},
    ),
    "EMPSSL": Case(
        lambda **n: ks.EMPSSL(small_encoder(), splitter(), small_head(), **n),
        {"invariance": 100, "epsilon_squared": 0.25},
    ),
    "MaskedImageModel": Case(
        lambda **n: ks.MaskedImageModel(small_vit(), **n),
        {"mask_unit": 4, "mask_ratio": 0.5, "seed": 3},
    ),
    "MaskedImageModel.reconstruct": Case(
        lambda seed: [
            keras.ops.convert_to_numpy(x)
            for x in method("MaskedImageModel").reconstruct(IMAGES[:2], seed)
        ],
        {"seed": 3},
    ),
    "Classifier": Case(
        lambda **n: ks.evaluation.Classifier(small_encoder(), **n), {"num_classes": 3}
    ),
    "CollapseCallback": Case(
        keeping(ks.evaluation.CollapseCallback),
        {"threshold": 0.25, "patience": 2, "embedding_dim": 8},
    ),
    "KNNCallback": Case(
        keeping(ks.evaluation.KNNCallback, *PICTURES),
        {"every": 2, "k": 5, "temperature": 0.5, "batch_size": 8},
    ),
    "SpaceCallback": Case(
        keeping(ks.evaluation.SpaceCallback, IMAGES), {"every": 2, "batch_size": 8, "seed": 3}
    ),
    "attention_maps": Case(
        lambda batch_size: ks.evaluation.attention_maps(
            method("SimMIM"), IMAGES, batch_size
        ).popitem()[1],
        {"batch_size": 8},
    ),
    "embed": Case(
        lambda **n: ks.evaluation.embed(method("SimCLR"), IMAGES, **n),
        {"batch_size": 8, "num_views": 2, "seed": 3},
    ),
    "fine_tune": Case(
        lambda **n: ks.evaluation.fine_tune(small_encoder(), *PICTURES, **n)[0],
        {
            **{"fraction": 0.5, "epochs": 1, "batch_size": 4, "learning_rate": 0.125},
            **{"weight_decay": 0.25, "seed": 3},
        },
    ),
    "knn_accuracy": Case(
        lambda **n: ks.evaluation.knn_accuracy(*SETS, **n),
        {"k": 5, "temperature": 0.5, "num_classes": 3},
    ),
    "knn_predict": Case(
        lambda **n: ks.evaluation.knn_predict(*SETS[:3], **n),
        {"k": 5, "temperature": 0.5, "num_classes": 3},
    ),
    "linear_classifier": Case(
        lambda **n: ks.evaluation.linear_classifier(
            small_encoder(), FEATURES[:, [0] * 16], LABELS, **n
        ),
        {"image_shape": (16, 16, 3), "c_values": (0.5, 1.0), "max_iter": 9, "seed": 3},
    ),
    "linear_probe": Case(
        lambda **n: ks.evaluation.linear_probe(*SETS, **n),
        {"c_values": (0.5, 1.0), "max_iter": 9, "seed": 3},
    ),
    "probe_layers": Case(
        lambda **n: list(
            ks.evaluation.probe_layers(encoder(), *PICTURES, layers=["stem_relu"], **n).values()
        ),
        {"batch_size": 8, "c_values": (0.5,), "max_iter": 9, "seed": 3},
    ),
    "standardize_features": Case(
        lambda **n: ks.evaluation.standardize_features(small_encoder(), FEATURES[:, [0] * 16], **n),
        {"image_shape": (16, 16, 3)},
    ),
    "uniformity": Case(lambda t: ks.evaluation.uniformity(FEATURES, t), {"t": 2.0}),
    "Batches": Case(
        keeping(ks.datasets.Batches),
        {
            **{"num_images": 12, "batch_size": 4, "seed": 3, "steps_per_epoch": 2},
            "first_step": 1,
        },
    ),
    "ArrayBatches": Case(
        keeping(ks.datasets.ArrayBatches, IMAGES),
        {"batch_size": 4, "seed": 3, "steps_per_epoch": 2, "first_step": 1},
    ),
    "from_folder": Case(
        folder(),
        {
            **{"image_size": 8, "batch_size": 2, "seed": 3, "workers": 2},
            **{"steps_per_epoch": 2, "first_step": 1},
        },
    ),
    "data_parallel": Case(devices_of, {"devices": 1}),
    "show_views": Case(
        figure_pixels(lambda seed: ks.reports.show_views(method("SimCLR"), IMAGES[:2], seed)),
        {"seed": 3},
    ),
    "show_reconstructions": Case(
        figure_pixels(
            lambda seed: ks.reports.show_reconstructions(
                method("MaskedImageModel"), IMAGES[:2], seed
            )
        ),
        {"seed": 3},
    ),
    "show_neighbors": Case(
        figure_pixels(lambda **n: ks.reports.show_neighbors(method("SimCLR"), IMAGES, **n)),
        {"queries": 2, "neighbors": 3, "batch_size": 8},
    ),
}


def as_numpy(value):
    if isinstance(value, tuple):
        return np.array(value)
    return np.int64(value) if isinstance(value, int) else np.float32(value)


def outcome(case, numbers):
    """What is made with the numbers, or its configuration."""
    keras.backend.clear_session()  # names are counted anew
    keras.utils.set_random_seed(0)
    made = case.make(**numbers)
    return json.loads(json.dumps(made.get_config())) if hasattr(made, "get_config") else made


@pytest.mark.parametrize("name", CASES)
def test_numbers_of_numpy_are_numbers(name):
    case = CASES[name]
    expected = outcome(case, case.numbers)
    found = outcome(case, {key: as_numpy(value) for key, value in case.numbers.items()})
    if isinstance(expected, dict):
        assert found == expected
    else:
        np.testing.assert_equal(found, expected)


def wrong_numbers():
    for name, case in CASES.items():
        for argument, value in case.numbers.items():
            for wrong in NEVER_MEANT:
                if not (argument in case.signs and wrong == -1):
                    yield name, argument, wrong
                    if isinstance(value, tuple):
                        yield name, argument, (*value[:-1], wrong)


@pytest.mark.parametrize("name", CASES)
def test_what_can_not_be_meant_is_refused_by_name(name, monkeypatch):
    # Before any time is spent.
    for work in ("fit", "predict_on_batch"):
        monkeypatch.setattr(keras.Model, work, None)
    for of, argument, wrong in wrong_numbers():
        if of == name:
            numbers = {**CASES[name].numbers, argument: wrong}
            with pytest.raises(ValueError) as caught:
                CASES[name].make(**numbers)
            assert f"`{argument}`" in str(caught.value), (wrong, str(caught.value))
            assert f"Received: {argument}=" in str(caught.value), (wrong, str(caught.value))


def public():
    """Every public class and function, by its name."""
    found = {}
    for room in ROOMS:
        for name, value in vars(room).items():
            ours = getattr(value, "__module__", "").startswith(room.__name__)
            if ours and not name.startswith("_") and callable(value):
                found[name] = value
    return found


def is_numeric(parameter):
    default, words = parameter.default, str(parameter.annotation)
    if isinstance(default, bool):
        return False
    return isinstance(default, int | float) or "int" in words or "float" in words


def test_no_numeric_argument_is_left_out():
    missing = []
    for name, value in public().items():
        if isinstance(value, type) and issubclass(value, Exception):
            continue
        for argument, parameter in inspect.signature(value).parameters.items():
            if is_numeric(parameter) and (name, argument) not in NO_DOORS:
                if name not in CASES or argument not in CASES[name].numbers:
                    missing.append((name, argument))
    assert not missing
