"""SimMIM on all GPUs of a machine, the same script on each backend.

    KERAS_BACKEND=tensorflow python examples/multi_gpu.py
    KERAS_BACKEND=jax python examples/multi_gpu.py
    KERAS_BACKEND=torch torchrun --nproc-per-node=gpu examples/multi_gpu.py

`--batch-size` is that of all GPUs. Without a GPU, `--devices 2` makes do with parts of the CPU
(under torch: `torchrun --nproc-per-node=2 examples/multi_gpu.py`).
"""

import argparse
import time

import keras_simmim as ks

import keras


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", default="auto", help="a number, or auto: all")
    parser.add_argument("--data", default="sample", help="cifar10 or sample")
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--output", default="multi_gpu.keras")
    options = parser.parse_args(arguments)

    devices = options.devices if options.devices == "auto" else int(options.devices)
    # Before anything else, and around all of it.
    with ks.distribution.data_parallel(devices):
        images, labels = ks.datasets.load(options.data, "train", options.data_dir)
        test_images, test_labels = ks.datasets.load(options.data, "test", options.data_dir)
        model = ks.SimMIM(
            encoder=ks.encoders.ResNet(18, options.width, images.shape[1:], stem="3x3/2"),
            view_splitter=ks.views.ViewSplitter(num_views=4, seed=0),
            loss=ks.losses.NTXent(temperature=0.1),
        )
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
        knn = ks.evaluation.KNNCallback(images[:10_000], labels[:10_000], test_images, test_labels)
        start = time.monotonic()
        history = model.fit(
            images, batch_size=options.batch_size, epochs=options.epochs, callbacks=[knn], verbose=2
        )
        speed = len(images) * options.epochs / (time.monotonic() - start)
        # With several processes, as under torch, one of them prints and saves.
        if ks.distribution.is_chief():
            print(f"{ks.distribution.device_count()} devices, {speed:,.0f} images/s")
            # It loads on one device, under any backend.
            model.save(options.output)
        return history.history


if __name__ == "__main__":
    main()
