import warnings

import keras
import tensorflow as tf

from keras_simmim._quiet_tensorflow import quiet_stderr
from keras_simmim.backend.finish_onnx import finish_onnx
from keras_simmim.backend.tensorflow.register_erfc import register_erfc

# Images by which the ranges of int8 are chosen.
_CALIBRATION = 500


@quiet_stderr()
def write_export(model, form: str, path, images) -> None:
    """Writes a model in a format that this backend can write.

    Args:
        model: functional model of float32 from uint8 images `(None, H, W, C)`.
        form: name of the format, see `backend/export_formats.py`.
        path: the file or folder.
        images: `(N, H, W, C)` uint8, by which int8 is calibrated.
    """
    if form == "saved-model":
        model.export(path, format="tf_saved_model", verbose=False)
    elif form.startswith("onnx"):
        _write_onnx(model, path, images)
        finish_onnx(path, half=form == "onnx-float16")
    elif form == "litert-int8":
        _write_int8(model, path, images)
    else:
        _write_litert(model, path, half=form == "litert-float16")


def exports_are_portable() -> bool:
    """Whether files written here run on machines without the devices of this one."""
    return True


def _write_onnx(model, path, images):
    register_erfc()
    model(images[:1])  # Keras refuses models that were never called
    with warnings.catch_warnings():
        # Keras 3.15.1 looks for a name that NumPy warns of.
        warnings.simplefilter("ignore", FutureWarning)
        model.export(path, format="onnx", verbose=False)


def _write_litert(model, path, half):
    # No operations of TensorFlow itself, which Keras allows: LiteRT's runtime has none.
    spec = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    options = {}
    if half:
        spec["supported_types"] = [tf.float16]
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    model.export(path, format="litert", verbose=False, target_spec=spec, **options)


def _write_int8(model, path, images):
    # From float images: of uint8 ones the cast would remain an operation in float32.
    floats = keras.Input(model.input_shape[1:], dtype="float32", name="images")
    model = keras.models.clone_model(model, floats, clone_function=lambda layer: layer)
    images = images[:_CALIBRATION].copy()
    # All values are there, so that a step of the quantised pixels is 1.
    images[0, 0, :2] = [[0], [255]]

    def batches():
        for index in range(len(images)):
            yield [images[index : index + 1].astype("float32")]

    model.export(
        path,
        format="litert",
        verbose=False,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=batches,
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        inference_input_type=tf.uint8,
        inference_output_type=tf.int8,
    )
