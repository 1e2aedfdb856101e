import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import pytest

import keras_simmim as ks
from keras_simmim.evaluation import Classifier

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved model without a classifier."""
    folder = tmp_path_factory.mktemp("saved") / "small"
    folder.mkdir()
    encoder = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)], name="conv")
    ks.SimCLR(encoder, projection_head=ks.heads.ProjectionHead(2)).save(folder / "model.keras")
    return folder


def test_an_encoder_is_a_part_of_the_model(folder):
    assert ks.from_pretrained(folder).name == "conv"
    assert ks.from_pretrained(str(folder / "model.keras")).name == "conv"
    assert isinstance(ks.from_pretrained(folder, "model"), ks.SimCLR)


def test_a_file_of_its_own_comes_first(folder, tmp_path):
    classifier = Classifier(ks.from_pretrained(folder), num_classes=2)
    classifier.build((None, 8, 8, 3))
    classifier.save(tmp_path / "classifier.keras")
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()], name="own").save(
        tmp_path / "encoder.keras"
    )
    assert ks.from_pretrained(tmp_path).name == "own"
    assert isinstance(ks.from_pretrained(tmp_path, "classifier"), Classifier)
    assert ks.from_pretrained(tmp_path / "classifier.keras").name == "conv"


def test_a_wrapped_encoder_stays_whole(tmp_path):
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="conv")])
    ks.encoders.Normalized(inner, mean=127.5, std=64.0).save(tmp_path / "encoder.keras")
    assert isinstance(ks.from_pretrained(tmp_path), ks.encoders.Normalized)


def test_what_there_is_not_is_answered_by_what_there_is(folder):
    with pytest.raises(ValueError, match="are: .*demo_resnet_sample.*Received: 'resnet'"):
        ks.from_pretrained("resnet")
    with pytest.raises(ValueError, match="no classifier.keras, only: model"):
        ks.from_pretrained(folder, "classifier")
    with pytest.raises(ValueError, match="Received: which='head'"):
        ks.from_pretrained(folder, "head")


def test_a_damaged_file_is_refused_in_a_line(folder, tmp_path):
    whole = (folder / "model.keras").read_bytes()
    (tmp_path / "encoder.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="encoder.keras can't be loaded: .*only a part of one$"):
        ks.from_pretrained(tmp_path)


@pytest.mark.slow
def test_the_wheel_has_what_was_published(folder, tmp_path):
    """And what is installed from it finds it; what is large and can be made again stays out."""
    pytest.importorskip("hatchling")
    source = tmp_path / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "keras_simmim", "pyproject.toml", "README.md", "LICENSE"],
        **{"cwd": ROOT, "check": True, "capture_output": True, "text": True},
    ).stdout.split()
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    published = source / "saved_models" / "small"
    published.mkdir(parents=True)
    ks.from_pretrained(folder).save(published / "encoder.keras")
    for name in ("model.keras", "encoder.onnx", "encoder.tflite", "encoder_int8.tflite"):
        (published / name).write_text("written")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(tmp_path)], cwd=source, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert sorted(name for name in names if "saved_models" in name) == [
        "keras_simmim/saved_models/small/encoder.keras",
        "keras_simmim/saved_models/small/encoder_int8.tflite",
    ]
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r}); import json;"
        "import keras_simmim as ks; name = ks.from_pretrained('small').name;"
        "print(json.dumps([ks.__file__, name]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    file, name = json.loads(done.stdout.splitlines()[-1])
    assert file.startswith(str(tmp_path / "installed")) and name == "conv"
