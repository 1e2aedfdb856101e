def write_export(model, form: str, path, images) -> None:
    """Writes a SavedModel: see `backend/tensorflow/write_export.py`.

    It holds XLA's code, for the platforms that are named, whatever this machine has.
    """
    platforms = {"native_serialization_platforms": ("cpu", "cuda")}
    model.export(path, format="tf_saved_model", verbose=False, jax2tf_kwargs=platforms)


def exports_are_portable() -> bool:
    """Whether files written here run on machines without the devices of this one."""
    return True
