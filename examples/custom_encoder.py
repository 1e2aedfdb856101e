"""SimMIM with an encoder of your own, any Keras model or layer from images to features.

    python examples/custom_encoder.py --epochs 3

The attention head looks at its last map, and a second one at the map of a layer in the middle. The
encoder then comes out without heads, here into a classifier in plain Keras.
"""

import argparse

import keras_simmim as ks

import keras
from keras import layers


def make_encoder(width):
    """Four convolutions, each of which halves the map, on pixel values of 0...1."""
    encoder = keras.Sequential([keras.Input((32, 32, 3))], name="own_encoder")
    for index in range(4):
        encoder.add(layers.Conv2D(width * 2**index, 3, strides=2, padding="same", use_bias=False))
        encoder.add(layers.BatchNormalization(momentum=0.9))
        encoder.add(layers.Activation("relu", name=f"map_{index + 1}"))
    return encoder


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--width", type=int, default=32, help="channels of the first map")
    parser.add_argument("--output", default="custom_encoder.keras")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    train = ks.datasets.load("sample", "train")
    test = ks.datasets.load("sample", "test")
    # A saved encoder takes raw pixels, 0...255, and so do the views.
    encoder = ks.encoders.Normalized(make_encoder(options.width), mean=0.0, std=255.0)
    model = ks.SimMIM(
        encoder=encoder,
        inner_heads={"map_3": ks.heads.AttentionHead(num_heads=4, embedding_dim=128)},
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    batches = ks.datasets.ArrayBatches(train[0], batch_size=options.batch_size)
    knn = ks.evaluation.KNNCallback(*train, *test)
    history = model.fit(batches, epochs=options.epochs, shuffle=False, verbose=2, callbacks=[knn])
    accuracy = history.history["knn_accuracy"][-1]
    print(f"kNN accuracy: {accuracy:.2%}")
    model.encoder.save(options.output)

    encoder = keras.saving.load_model(options.output)
    encoder.trainable = False
    classifier = keras.Sequential([encoder, layers.GlobalAveragePooling2D(), layers.Dense(10)])
    classifier.compile(
        optimizer=keras.optimizers.Adam(1e-2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    classifier.fit(*train, batch_size=256, epochs=options.epochs, verbose=0)
    _, classified = classifier.evaluate(*test, batch_size=256, verbose=0)
    print(f"A linear layer on the frozen encoder: {classified:.2%}")
    return accuracy, classified


if __name__ == "__main__":
    main()
