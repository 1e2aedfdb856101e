"""A linear classifier on the frozen features of a saved model.

    python examples/linear_probe.py saved_models/simmim_resnet_cifar10/model.keras

Needs `keras-simmim[probe]`. With `--num-views 8` features are averaged over 8 random views of each
image, drawn by the method's own view splitter.
"""

import argparse

import keras_simmim as ks

import keras


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .keras file of a method or an encoder")
    parser.add_argument("--data", default="sample", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--num-views", type=int, help="views of each image [default: it alone]")
    options = parser.parse_args(arguments)

    model = keras.saving.load_model(options.model)
    features, labels = [], []
    for split in ("train", "test"):
        images, split_labels = ks.datasets.load(options.data, split, options.data_dir)
        features.append(ks.evaluation.embed(model, images, num_views=options.num_views))
        labels.append(split_labels)
    train_x, test_x = features
    train_y, test_y = labels
    accuracy = ks.evaluation.linear_probe(train_x, train_y, test_x, test_y)
    knn = ks.evaluation.knn_accuracy(train_x, train_y, test_x, test_y)
    print(f"linear probe {accuracy:.2%}, kNN {knn:.2%} on {len(test_y):,} images")
    return accuracy


if __name__ == "__main__":
    main()
