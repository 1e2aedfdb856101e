"""Exported files: size, latency on one thread and accuracy, beside MobileNetV3-Small.

    python benchmarks/export.py --model demo_resnet_sample
    python benchmarks/export.py --model simmim_tiny_cifar10 --data-dir DIR    # kNN on CIFAR-10

The encoder of a saved model and `keras.applications.MobileNetV3Small` (random weights, so that it
has no accuracy), both from uint8 images of the same size to pooled features, are exported to each
format by `keras_simmim.export` and run in onnxruntime and the LiteRT interpreter with one thread.

All files take turns in each round; a block is as many calls as take `--seconds`. Latencies are
medians of the rounds; the ratio is the median over rounds of MobileNetV3-Small's time by ours in
the same format and round. Accuracy is kNN (k = 200) on the bundled sample, or on all of CIFAR-10.
"""

import argparse
import tempfile
import time

import keras
import numpy as np

import keras_simmim as ks

FORMS = ("onnx", "onnx-float16", "litert", "litert-float16", "litert-int8")
BATCHES = (1, 32)
PEER = "MobileNetV3-Small"


def runner(path, batch_size):
    """A function from images to features, on one thread, for batches of one size."""
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda images: session.run(None, {"images": images})[0]
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(given["index"], (batch_size, *given["shape"][1:]))
    interpreter.allocate_tensors()
    scale, zero_point = made["quantization"]

    def run(images):
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        outputs = interpreter.get_tensor(made["index"])
        return (outputs.astype("float32") - zero_point) * scale if scale else outputs

    return run


def seconds_of_a_call(run, images, seconds):
    run(images)
    calls, start = 0, time.perf_counter()
    while calls < 3 or time.perf_counter() - start < seconds:
        run(images)
        calls += 1
    return (time.perf_counter() - start) / calls


def knn(features_of, labelled):
    train_images, train_y, test_images, test_y = labelled
    train_x, test_x = features_of(train_images), features_of(test_images)
    return ks.evaluation.knn_accuracy(train_x, train_y, test_x, test_y)


def in_batches(path, images, size=250):
    run = runner(path, size)
    return np.concatenate([run(part) for part in np.split(images, len(images) // size)])


def measure(exported, images, options):
    """Seconds of a call for each encoder, format, batch size and round."""
    runs = {
        (name, form, size): runner(file.path, size)
        for name, files in exported.items()
        for form, file in files.items()
        for size in BATCHES
    }
    times = {key: [] for key in runs}
    for _ in range(options.rounds):
        for key, run in runs.items():
            times[key].append(seconds_of_a_call(run, images[: key[-1]], options.seconds))
    return {key: np.array(seconds) for key, seconds in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo_resnet_sample", help="as from_pretrained takes it")
    parser.add_argument("--data-dir", help="kNN on the CIFAR-10 of this folder, not on the sample")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    options = parser.parse_args()
    name = "cifar10" if options.data_dir else "sample"
    splits = (ks.datasets.load(name, split, options.data_dir) for split in ("train", "test"))
    labelled = [array for split in splits for array in split]
    images = labelled[0][:500]
    encoder = ks.from_pretrained(options.model)
    mobile = keras.applications.MobileNetV3Small(
        input_shape=images.shape[1:], include_top=False, pooling="avg", weights=None
    )
    with tempfile.TemporaryDirectory() as folder:
        exported = {
            label: ks.export(model, folder, FORMS, images, name=label)
            for label, model in ((options.model, encoder), (PEER, mobile))
        }
        times = measure(exported, images, options)
        accuracy = knn(lambda images: ks.evaluation.embed(encoder, images), labelled)
        print(f"kNN of {options.model} in Keras: {accuracy:.1%}\n")
        columns = ["encoder", "format", "MB", "batch 1, ms", "batch 32, ms"]
        columns += ["ratio, 1", "ratio, 32", "kNN"]
        print(f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|")
        for label, files in exported.items():
            for form, file in files.items():
                accuracy = "-"
                if label != PEER:
                    accuracy = f"{knn(lambda x, path=file.path: in_batches(path, x), labelled):.1%}"
                seconds = [times[label, form, size] for size in BATCHES]
                ratios = [np.median(times[PEER, form, n] / times[label, form, n]) for n in BATCHES]
                cells = [f"{1000 * np.median(of_rounds):.2f}" for of_rounds in seconds]
                cells += [f"{ratio:.2f}" for ratio in ratios]
                size = f"{file.size / 1e6:.2f}"
                print(f"| {label} | {form} | {size} | {' | '.join(cells)} | {accuracy} |")


if __name__ == "__main__":
    main()
