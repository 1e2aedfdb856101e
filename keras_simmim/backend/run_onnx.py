def run_onnx(path, images):
    """What onnxruntime makes of images, `(N, ...)` float32.

    Args:
        path: the `.onnx` file.
        images: `(N, H, W, C)` uint8.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]
