"""Hostile and broken files are refused, by Keras and at our door, and nothing else happens."""

import os
import re
import zipfile
from pathlib import Path

import hostile_files
import keras
import pytest
from small_methods import small_encoder, some_images

import keras_simmim as ks
from keras_simmim import cli
from keras_simmim.load_model import load_model

REASONS = {
    "lambda": "Lambda.*unsafe|Lambda.*arbitrary code",
    "unknown_class": "Could not locate class 'Evil'",
    "module_path": "Could not locate function 'system'",
    "class_path": "Could not locate class 'Popen'",
    "loader": "Cannot deserialize `keras.utils.get_file`",
    "unsafe_mode": "Cannot deserialize `keras.config.enable_unsafe_deserialization`",
    "no_layer": "`encoder` must be a `keras.Model`",
    "no_model": "it holds a SGD, which is no model",
    "escape": "reaches out of its folder, to '../outside'",
    "no_config": "holds no config.json",
    "no_json": "its config.json is damaged",
    "truncated": "only a part of one",
    "no_archive": "is no .keras file",
    "truncated_weights": "it is damaged: .*truncated",
    "changed_bytes": "it is damaged: Bad CRC-32",
    "other_shape": "its weights are not those of the model",
    "huge_shape": "its weights are not those of the model",
    "text_for_numbers": "its weights are not those of the model",
}
ERRORS_OF_KERAS = (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile)
# Keras loads the first without what would be outside; the second is its business, not ours.
LOADED_BY_KERAS = ("escape", "no_model")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "files"
    folder.mkdir()
    hostile_files.write_all(folder)
    return folder


def everything(folder):
    """What there is around the files, and whether Keras still is in its safe mode."""
    files = {str(path): path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    return files, sorted(os.listdir()), keras.src.saving.serialization_lib.in_safe_mode()


def test_keras_reads_nothing_by_another_reader(folder, tmp_path):
    """By a name that ends in .h5 Keras takes the archive for HDF5, with another safe mode."""
    path = tmp_path / "good.h5"
    path.write_bytes((folder / "good.keras").read_bytes())
    with pytest.raises(ValueError, match="does not end in .keras"):
        load_model(path)


def test_a_good_file_loads(folder):
    model = load_model(folder / "good.keras")
    assert isinstance(model, ks.SimMIM)
    assert model.predict(some_images(), verbose=0).shape == (12, 16)


def test_every_file_is_tried(folder):
    assert {path.stem for path in folder.iterdir()} == {"good", *REASONS}


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_keras_refuses_it(folder, name):
    before = everything(folder)
    if name in LOADED_BY_KERAS:
        keras.saving.load_model(folder / f"{name}.keras")
    else:
        with pytest.raises(ERRORS_OF_KERAS):
            keras.saving.load_model(folder / f"{name}.keras")
    assert everything(folder) == before


@pytest.mark.parametrize("name", REASONS)
def test_the_command_line_refuses_it_in_one_line(folder, name, capsys, recwarn):
    before = everything(folder)
    path = folder / f"{name}.keras"
    with pytest.raises(SystemExit) as exit:
        cli.main(["evaluate", str(path), "--data", "sample"])
    out, err = capsys.readouterr()
    assert exit.value.code == 2 and out == ""
    assert err.startswith(f"keras-simmim: {path} can't be loaded: ") and err.count("\n") == 1
    assert re.search(REASONS[name], err) and len(err) < 300 + 2 * len(str(path)) + 100
    assert not recwarn.list
    assert everything(folder) == before


def test_a_strangers_encoder_is_no_string():
    with pytest.raises(ValueError, match="`encoder` must be a `keras.Model`.*Received: 'resnet'"):
        ks.SimCLR("resnet")
    assert ks.SimCLR(small_encoder()).built


def test_nothing_asks_keras_to_be_unsafe():
    unsafe = re.compile(
        r"safe_mode|unsafe_deserialization|allow_pickle|\bpickle\.load|torch\.load|\beval\(|\bexec\("
    )
    root = Path(ks.__file__).parents[1]
    files = [*Path(ks.__file__).parent.rglob("*.py"), *root.glob("examples/*.py")]
    assert len(files) > 100
    assert [str(file) for file in files if unsafe.search(file.read_text())] == []
