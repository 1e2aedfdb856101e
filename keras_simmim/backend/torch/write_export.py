import tempfile
import warnings
from pathlib import Path

import torch

from keras_simmim.backend.finish_onnx import finish_onnx
from keras_simmim.backend.quiet_logger import quiet_logger

# Says at each export which operations of torchvision it leaves out, where that is not installed.
_REGISTRATION = "torch.onnx._internal.exporter._registration"


def write_export(model, form: str, path, images) -> None:
    """Writes a model in a format that this backend can write.

    Takes what `backend/tensorflow/write_export.py` says.
    """
    if form == "torch-export":
        _write_program(model, path)
        return
    # Keras's own (3.15.1) traces a graph of one batch size that onnxruntime refuses, or fails.
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        quiet_logger(_REGISTRATION),
    ):
        warnings.simplefilter("ignore")
        program = Path(folder) / "model.pt2"
        _write_program(model, program)
        onnx_program = torch.onnx.export(
            torch.export.load(program), dynamo=True, external_data=False, verbose=False
        )
        onnx_program.optimize()
        onnx_program.save(path, external_data=False)
    finish_onnx(path, half=form == "onnx-float16")


def exports_are_portable() -> bool:
    """Whether files written here run on machines without the devices of this one."""
    # A program holds the device that it was traced on.
    return not torch.cuda.is_available()


def _write_program(model, path):
    batch = torch.export.Dim("batch")
    model.export(path, format="torch", verbose=False, dynamic_shapes={0: batch})
