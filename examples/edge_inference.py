"""Classifies the images of a folder with an exported classifier: no Keras, no TensorFlow.

    pip install ai-edge-litert pillow    # or onnxruntime pillow
    python examples/edge_inference.py saved_models/NAME/classifier.tflite FOLDER
    python examples/edge_inference.py classifier.onnx FOLDER --classes cat,dog --batch-size 8

`keras-simmim publish` writes such files, and so does `keras-simmim export
saved_models/NAME/classifier.keras --to onnx,litert`, for int8 with `--data` of training images.
They take raw pixels, so that no more is to be done with an image than to bring it to their size.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".ppm")


def load_onnx(path, threads):
    """Returns the height and width of images, and a function from uint8 images to logits."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]  # (batch, height, width, channels)
    return given.shape[1:3], lambda images: session.run(None, {given.name: images})[0]


def load_litert(path, threads):
    """As `load_onnx`, with the LiteRT interpreter; logits of int8 become float32."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def run(images):
        interpreter.resize_tensor_input(given["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        logits = interpreter.get_tensor(made["index"])
        scale, zero_point = made["quantization"]
        return (logits.astype("float32") - zero_point) * scale if scale else logits

    return given["shape"][1:3], run


def read(path, size):
    """The image scaled to cover the size and cropped to its centre, uint8 (height, width, 3)."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
    height, width = (int(side) for side in size)
    return np.array(ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR))


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Classifies the images of a folder.")
    parser.add_argument("model", type=Path, help="a classifier, .tflite or .onnx")
    parser.add_argument("folder", type=Path, help="folder of images, at any depth")
    parser.add_argument("--classes", help="names of the classes, with commas between them")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    files = sorted(p for p in options.folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if not files:
        parser.error(f"no images in {options.folder}")
    load = load_onnx if options.model.suffix == ".onnx" else load_litert
    size, run = load(options.model, options.threads)
    names = options.classes.split(",") if options.classes else None
    predicted = {}
    for start in range(0, len(files), options.batch_size):
        batch = files[start : start + options.batch_size]
        logits = run(np.stack([read(file, size) for file in batch]))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        for file, probabilities in zip(
            batch, weights / weights.sum(axis=1, keepdims=True), strict=True
        ):
            label = int(probabilities.argmax())
            predicted[file] = label
            print(f"{file}: {names[label] if names else label} ({probabilities[label]:.0%})")
    return predicted


if __name__ == "__main__":
    main()
