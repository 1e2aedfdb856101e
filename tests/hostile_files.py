"""Files that would do harm, or are broken, made from a good one by small changes."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
from small_methods import small_encoder

import keras_simmim as ks


def write_all(folder):
    """Writes good.keras and hostile ones; those that run code would make the file `ran`."""
    ran = folder / "ran"
    ks.SimMIM(small_encoder(), attention_head=ks.heads.AttentionHead(2, 8)).save(
        folder / "good.keras"
    )
    good = _members(folder / "good.keras")

    def archive(name, **changes):
        members = {**good, **{key.replace("_", "."): value for key, value in changes.items()}}
        _write(folder / f"{name}.keras", members)

    def config(name, **arguments):
        changed = json.loads(good["config.json"])
        changed["config"].update(arguments)
        archive(name, config_json=json.dumps(changed).encode())

    def weights(name, change):
        file = io.BytesIO(good["model.weights.h5"])
        with h5py.File(file, "a") as h5:
            kernels = []
            h5.visititems(
                lambda key, x: kernels.append(key) if getattr(x, "ndim", 0) == 4 else None
            )
            change(h5, kernels[0])
        _write(folder / f"{name}.keras", {**good, "model.weights.h5": file.getvalue()})

    touch = f"__import__('pathlib').Path({str(ran)!r}).touch()"
    code = keras.layers.Lambda(eval(f"lambda x: ({touch}, x)[1]"), output_shape=(4, 4, 3))
    keras.Sequential([keras.Input((4, 4, 3)), code]).save(folder / "lambda.keras")
    ran.unlink(missing_ok=True)
    config("unknown_class", encoder=_object("evil", "Evil", {}, "evil>Evil"))
    config("module_path", encoder=_object("os", "function", "system", "system"))
    config("class_path", loss=_object("subprocess", "Popen", {"args": ["touch", str(ran)]}))
    config("loader", loss=_object("keras.utils", "function", "get_file", "get_file"))
    unsafe = "enable_unsafe_deserialization"
    config("unsafe_mode", loss=_object("keras.config", "function", unsafe, unsafe))
    config("no_layer", encoder="resnet")
    optimizer = keras.saving.serialize_keras_object(keras.optimizers.SGD())
    archive("no_model", config_json=json.dumps(optimizer).encode())
    outside = {"../outside": b"x", str(folder / "absolute"): b"x", "assets/../../outside": b"x"}
    _write(folder / "escape.keras", {**good, **outside})
    _write(folder / "no_config.keras", {"model.weights.h5": good["model.weights.h5"]})
    archive("no_json", config_json=b"{")
    whole = (folder / "good.keras").read_bytes()
    (folder / "truncated.keras").write_bytes(whole[: len(whole) // 2])
    (folder / "no_archive.keras").write_text("keras")
    _write(
        folder / "truncated_weights.keras",
        {**good, "model.weights.h5": good["model.weights.h5"][:4000]},
    )
    middle = whole.find(good["model.weights.h5"][:64]) + len(good["model.weights.h5"]) // 2
    flipped = bytes(255 - byte for byte in whole[middle : middle + 16])
    (folder / "changed_bytes.keras").write_bytes(whole[:middle] + flipped + whole[middle + 16 :])
    weights("other_shape", _reshape)
    weights("huge_shape", _enlarge)
    weights("text_for_numbers", lambda h5, key: _replace(h5, key, "text"))


def _reshape(h5, key):
    _replace(h5, key, np.zeros((5, 5, 3, 8), "float32"))


def _enlarge(h5, key):
    """A petabyte that takes no room in the file."""
    del h5[key]
    h5.create_dataset(key, (1 << 24, 1 << 24), "float32", chunks=(1 << 10, 1 << 10))


def _replace(h5, key, value):
    del h5[key]
    h5[key] = value


def _object(module, class_name, config, registered_name=None):
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": registered_name or class_name,
    }


def _members(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def _write(path: Path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
