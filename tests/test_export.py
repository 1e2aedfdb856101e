"""What is written computes what Keras does, in its own runtime; see also `tests/examples`."""

import sys

import keras
import numpy as np
import pytest

import keras_simmim as ks
from keras_simmim.backend import export_formats
from keras_simmim.backend.export_formats import FORMATS, choose_backend, usual_formats
from keras_simmim.backend.run_litert import run_litert
from keras_simmim.backend.run_onnx import run_onnx
from keras_simmim.evaluation.classifier import Classifier
from keras_simmim.runs import RunConfig

BACKEND = keras.backend.backend()
# What each backend writes by itself, but for float16.
NATIVE = {
    "tensorflow": ["onnx", "litert", "litert-int8", "saved-model"],
    "jax": ["saved-model"],
    "torch": ["onnx", "torch-export"],
}[BACKEND]


@pytest.fixture(scope="module")
def images():
    return ks.datasets.load("sample", "train")[0][:70]


def small_encoder(dtype="float32"):
    """What a ResNet is made of, quickly exported."""
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            ks.encoders.Standardize(dtype=dtype),
            ks.encoders.Conv2D(16, 3, strides=2, dtype=dtype),
            ks.encoders.BatchNorm(dtype=dtype),
            keras.layers.ReLU(dtype=dtype),
            ks.encoders.Conv2D(16, 1, strides=2, dtype=dtype),
        ]
    )


def as_if_trained(encoder):
    """With statistics and gammas that are not those of the start."""
    rng = np.random.default_rng(0)
    encoder.set_weights(
        [w + rng.normal(0, 0.1, w.shape).astype("float32") ** 2 for w in encoder.get_weights()]
    )
    return encoder


def tiny_vit(position):
    return as_if_trained(
        ks.encoders.ViT((16, 16, 3), 4, depth=1, width=8, num_heads=2, position=position)
    )


def run(form, path, images):
    if form.startswith("onnx"):
        return run_onnx(path, images)
    return (run_litert if form.startswith("litert") else ks.backend.run_export)(path, images)


def test_what_this_backend_writes_computes_the_features_of_the_encoder(images, tmp_path):
    pytest.importorskip("onnx")
    encoder = as_if_trained(small_encoder("mixed_bfloat16"))
    exported = ks.export(encoder, tmp_path / "made", NATIVE, images)
    assert [file.path for file in exported.values()] == [
        tmp_path / "made" / FORMATS[form].file.format("encoder") for form in NATIVE
    ]
    features = ks.evaluation.embed(encoder, images[:5])
    for form, file in exported.items():
        assert file.size > 3000 and file.cosine > 0.995
        assert file.difference < (0.1 if form == "litert-int8" else 1e-5)
        outputs = run(form, file.path, images[:5])
        assert outputs.dtype == "float32"
        # bfloat16, which `embed` computed in, has 8 bits.
        np.testing.assert_allclose(outputs, features, atol=0.05 * np.abs(features).max())
    if "litert-int8" in exported:
        check_int8(exported["litert-int8"].path)


def check_int8(path):
    """Integers from end to end."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(path))
    interpreter.allocate_tensors()
    assert not [t for t in interpreter.get_tensor_details() if t["dtype"] == np.float32]
    given = interpreter.get_input_details()[0]
    # A pixel value is itself.
    assert given["dtype"] == np.uint8 and given["quantization"] == (1.0, 0)


def test_a_classifier_takes_images_of_the_size_of_its_encoder(tmp_path):
    pytest.importorskip("onnx")
    classifier = Classifier(tiny_vit("sincos"), num_classes=3)
    classifier.build((None, 16, 16, 3))
    classifier.save(tmp_path / "classifier.keras")
    form = NATIVE[0]
    exported = ks.export(tmp_path / "classifier.keras", tmp_path, form)[form]
    assert exported.path.stem.startswith("classifier")
    assert run(form, exported.path, np.zeros((2, 16, 16, 3), "uint8")).shape == (2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("position", ["sincos", "relative"])
def test_a_vit_as_a_classifier(images, tmp_path, position):
    classifier = Classifier(tiny_vit(position), num_classes=3)
    classifier.build((None, 16, 16, 3))
    kernel = np.random.default_rng(0).normal(0, 1, (8, 3))
    classifier.classifier.set_weights([kernel, np.arange(3)])
    small = images[:, ::2, ::2]
    logits = keras.ops.convert_to_numpy(classifier(small))
    for form, exported in ks.export(classifier, tmp_path, NATIVE, small).items():
        assert exported.path.stem.startswith("classifier")
        atol = 0.3 if form == "litert-int8" else 1e-4
        np.testing.assert_allclose(run(form, exported.path, small), logits, atol=atol)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_from_every_backend(images, tmp_path, form):
    """In a process of another backend, where this one can't."""
    resnet = as_if_trained(ks.encoders.ResNet(10, 2, (None, None, 3), stem="3x3/2"))
    ks.encoders.whiten_stem(resnet, images)
    encoders = [resnet, tiny_vit("sincos"), tiny_vit("relative")]
    for index, encoder in enumerate(encoders):
        given = images if index == 0 else images[:, ::2, ::2]
        exported = ks.export(encoder, tmp_path, form, given, name=f"encoder_{index}")[form]
        assert exported.path.exists() and exported.cosine > 0.98


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", ["onnx", "onnx-float16", "litert", "litert-float16", "litert-int8"]
)
def test_knn_of_the_demo_is_that_of_keras(tmp_path, form):
    """Within a point on the bundled sample, int8 too."""
    encoder = ks.from_pretrained("demo_resnet_sample")
    train_images, train_y = ks.datasets.load("sample", "train")
    test_images, test_y = ks.datasets.load("sample", "test")

    def knn(features_of):
        return ks.evaluation.knn_accuracy(
            features_of(train_images), train_y, features_of(test_images), test_y
        )

    path = ks.export(encoder, tmp_path, form, train_images[:500])[form].path
    expected = knn(lambda images: ks.evaluation.embed(encoder, images))
    assert knn(lambda images: run(form, path, images)) == pytest.approx(expected, abs=0.01)


def test_a_file_that_computes_something_else_is_not_kept(monkeypatch, images, tmp_path):
    def wrong(model, paths, images):
        for path in paths.values():
            path.write_text("")
        return {form: model.predict(images[:64], verbose=0) * 1.001 for form in paths}

    monkeypatch.setattr(sys.modules["keras_simmim.export"], "export_files", wrong)
    with pytest.raises(RuntimeError, match="differ by 0.001, where 0.0001 is allowed"):
        ks.export(small_encoder(), tmp_path, "onnx", images)
    assert not list(tmp_path.iterdir())
    assert (
        ks.export(small_encoder(), tmp_path, "onnx-float16", images)["onnx-float16"].cosine > 0.99
    )


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"to": "tflite"}, "Received: to='tflite'"),
        ({"to": []}, "Received: to=\\[\\]"),
        ({"to": "litert-int8", "images": None}, "calibrated on training images"),
        ({"images": None}, "The size of images must be known"),
        ({"images": np.zeros((2, 32, 32, 3), "float32")}, "Received: float32 of shape"),
        ({"images": np.zeros((2, 32, 32, 1), "uint8")}, "can't take images of shape"),
    ],
)
def test_what_can_not_be_exported_is_refused(tmp_path, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        ks.export(small_encoder(), tmp_path, **{"images": images, **arguments})


def test_a_backend_that_lacks_something_is_passed_over_or_named(monkeypatch):
    installed = {"tensorflow", "torch", "onnx", "tf2onnx", "onnxruntime"}
    find = lambda name: name in installed or None  # noqa: E731
    monkeypatch.setattr(export_formats.importlib.util, "find_spec", find)
    assert choose_backend("onnx", "torch") == "tensorflow"
    with pytest.raises(ImportError, match="ai_edge_litert is not installed.*simmim.export,tensor"):
        choose_backend("litert", "torch")
    installed |= {"onnxscript"}
    assert choose_backend("onnx", "jax") == "torch"
    assert choose_backend("onnx", "tensorflow") == "tensorflow"


def test_what_can_not_be_written_is_told_before_anything_is(monkeypatch, images, tmp_path):
    monkeypatch.setattr(sys.modules["keras_simmim.export"], "export_files", None)
    find = lambda name: None if name == "ai_edge_litert" else True  # noqa: E731
    monkeypatch.setattr(export_formats.importlib.util, "find_spec", find)
    with pytest.raises(ImportError, match="litert .* ai_edge_litert is not installed: pip install"):
        ks.export(small_encoder(), tmp_path / "made", ["onnx", "litert"], images)
    assert not (tmp_path / "made").exists()


def test_the_usual_formats_are_those_that_can_be_written(monkeypatch):
    installed = {"torch", "onnx", "onnxscript", "onnxruntime", "ai_edge_litert"}
    find = lambda name: name in installed or None  # noqa: E731
    monkeypatch.setattr(export_formats.importlib.util, "find_spec", find)
    forms, (needed,) = usual_formats("torch")
    assert forms == ["onnx"]
    assert "litert is written by the backend tensorflow" in needed and "\n" not in needed
    installed |= {"tensorflow"}
    assert usual_formats("torch") == (["onnx", "litert"], [])
    installed.clear()
    with pytest.raises(ImportError, match="onnx is written by .*; litert is written by"):
        usual_formats("jax")


def test_a_run_is_exported_with_its_own_images(small_run, tmp_path, monkeypatch):
    seen = {}

    def files(model, paths, images):
        seen["images"] = images
        for path in paths.values():
            path.write_text("")
        return {form: model.predict(images, verbose=0) for form in paths}

    monkeypatch.setattr(sys.modules["keras_simmim.export"], "export_files", files)
    exported = ks.export(small_run, tmp_path / "made", ["onnx", "litert-int8"])
    assert sorted(file.path.name for file in exported.values()) == [
        "encoder.onnx",
        "encoder_int8.tflite",
    ]
    assert seen["images"].shape == (500, 32, 32, 3) and seen["images"].dtype == "uint8"


@pytest.fixture
def small_run(tmp_path):
    """What a run folder holds, as far as an export goes."""
    run = tmp_path / "run"
    run.mkdir()
    RunConfig(data="sample", batch_size=50, precision="float32").to_json(run / "config.json")
    small_encoder().save(run / "encoder.keras")
    return run
