import numpy as np

from keras_simmim._quiet_tensorflow import quiet_stderr


@quiet_stderr()
def run_litert(path, images):
    """What the LiteRT interpreter makes of images, `(N, ...)` float32.

    Args:
        path: the `.tflite` file.
        images: `(N, H, W, C)` uint8.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    given = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(given["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], images)
    interpreter.invoke()
    made = interpreter.get_output_details()[0]
    outputs = interpreter.get_tensor(made["index"]).astype("float32")
    scale, zero_point = made["quantization"]
    return np.asarray((outputs - zero_point) * scale if scale else outputs, "float32")
