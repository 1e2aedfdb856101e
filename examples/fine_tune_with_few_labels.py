"""What pre-training is worth where labels are few: fine-tuned with 1 %, 10 % and all of them.

    python examples/fine_tune_with_few_labels.py saved_models/simmim_resnet_cifar10/model.keras

Beside each figure stands that of the same encoder trained from scratch on the same labels.
"""

import argparse

import keras_simmim as ks

import keras


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .keras file of a method or an encoder")
    parser.add_argument("--data", default="sample", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.01, 0.1, 1.0])
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    train = ks.datasets.load(options.data, "train", options.data_dir)
    test = ks.datasets.load(options.data, "test", options.data_dir)
    trained = ks.from_pretrained(options.model)
    scratch = trained.__class__.from_config(trained.get_config())
    accuracies = {}
    for fraction in options.fractions:
        for name, encoder in (("from scratch", scratch), ("pre-trained", trained)):
            tuned = ks.evaluation.fine_tune(
                encoder, *train, *test, fraction=fraction, epochs=options.epochs
            )
            accuracies[name, fraction] = tuned.accuracy
            print(f"{fraction:.0%} of the labels, {name}: {tuned.accuracy:.2%}")
    return accuracies


if __name__ == "__main__":
    main()
