"""Several methods on the same encoder, views and steps, one after another, in plain Keras.

    python examples/compare_methods.py --data cifar10 --data-dir ~/tensorflow_datasets --epochs 5

`keras-simmim compare` does the same with more care: several seeds, equal time, runs that go on
after a stop, a table and a plot.
"""

import argparse

import keras_simmim as ks

import keras


def methods(width, steps):
    """A method of each kind; every one gets an encoder of its own, made alike."""

    def parts():
        encoder = ks.encoders.ResNet(10, width, (32, 32, 3), stem="3x3/2")
        return {"encoder": encoder, "view_splitter": ks.views.ViewSplitter(num_views=2)}

    predicted = {"projection_head": ks.heads.ProjectionHead(normalize=False)}
    return {
        "SimMIM": lambda: ks.SimMIM(**parts()),
        "SimCLR": lambda: ks.SimCLR(**parts()),
        "MoCo": lambda: ks.MoCo(**parts(), momentum=0.99, symmetric=True),
        "BYOL": lambda: ks.BYOL(**parts(), **predicted, momentum=0.99, momentum_steps=steps),
        "EMP-SSL": lambda: ks.EMPSSL(**parts(), projection_head=ks.heads.ProjectionHead()),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="sample", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--width", type=int, default=32, help="channels of the first stage")
    options = parser.parse_args(arguments)

    train = ks.datasets.load(options.data, "train", options.data_dir)
    test = ks.datasets.load(options.data, "test", options.data_dir)
    steps = options.epochs * (len(train[0]) // options.batch_size)
    accuracies = {}
    for name, make in methods(options.width, steps).items():
        keras.utils.set_random_seed(0)
        model = make()
        schedule = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=steps)
        model.compile(optimizer=keras.optimizers.Adam(schedule))
        batches = ks.datasets.ArrayBatches(train[0], batch_size=options.batch_size)
        knn = ks.evaluation.KNNCallback(*train, *test, every=options.epochs)
        collapse = ks.evaluation.CollapseCallback()
        history = model.fit(
            batches, epochs=options.epochs, shuffle=False, verbose=2, callbacks=[knn, collapse]
        )
        accuracies[name] = history.history["knn_accuracy"][-1]
    for name, accuracy in accuracies.items():
        print(f"{name}: kNN accuracy {accuracy:.2%}")
    return accuracies


if __name__ == "__main__":
    main()
