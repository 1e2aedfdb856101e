"""The SimMIM of the paper: mask patches of images, predict their pixels, then fine-tune.

    python examples/masked_image_modeling.py --data cifar10 --data-dir DIR --epochs 100

Its features are not made for nearest neighbours: it is judged by fine-tuning, beside the same
encoder from scratch, and by a linear probe of each block. Needs `keras-simmim[probe]`.
"""

import argparse

import keras_simmim as ks

import keras


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="sample", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--fine-tune-epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--width", type=int, default=192, help="channels of a token")
    parser.add_argument("--depth", type=int, default=6)
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    train = ks.datasets.load(options.data, "train", options.data_dir)
    test = ks.datasets.load(options.data, "test", options.data_dir)
    encoder = ks.encoders.ViT(
        (32, 32, 3), 4, options.depth, options.width, num_heads=3, position="relative"
    )
    model = ks.MaskedImageModel(encoder)  # units of 8 pixels, of which 60 % are masked
    steps = options.epochs * (len(train[0]) // options.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=1e-3, warmup_steps=steps // 10
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.05)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "mask_token", "table"])
    untrained = ks.encoders.ViT.from_config(encoder.get_config())
    model.compile(optimizer=optimizer)
    batches = ks.datasets.ArrayBatches(train[0], batch_size=options.batch_size)
    model.fit(batches, epochs=options.epochs, shuffle=False, verbose=2)

    for name, accuracy in ks.evaluation.probe_layers(model.encoder, *train, *test).items():
        print(f"linear probe of {name}: {accuracy:.2%}")
    accuracies = {}
    for name, start in (("from scratch", untrained), ("pre-trained", model.encoder)):
        tuned = ks.evaluation.fine_tune(start, *train, *test, epochs=options.fine_tune_epochs)
        accuracies[name] = tuned.accuracy
        print(f"fine-tuned, {name}: {tuned.accuracy:.2%}")
    return accuracies


if __name__ == "__main__":
    main()
