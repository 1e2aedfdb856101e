"""SimMIM on CIFAR-10: Adam at 1e-3, times 0.1 every 30 epochs, the loss of every epoch, accuracy.

    KERAS_BACKEND=jax python examples/cifar10_simmim.py --epochs 90 --data-dir ~/tensorflow_datasets

Runs on any backend. Without CIFAR-10 at hand, `--data sample` takes the bundled sample.
"""

import argparse

import keras_simmim as ks

import keras


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10", choices=["cifar10", "sample"])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--width", type=int, default=32, help="channels of the first stage")
    parser.add_argument("--output", default="cifar10_simmim.keras")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    train_images, train_labels = ks.datasets.load(options.data, "train", options.data_dir)
    test_images, test_labels = ks.datasets.load(options.data, "test", options.data_dir)

    model = ks.SimMIM(
        encoder=ks.encoders.ResNet(depth=18, width=options.width, image_shape=(32, 32, 3)),
        view_splitter=ks.views.ViewSplitter(num_views=2, crop_scale=(0.2, 1.0)),
        attention_head=ks.heads.AttentionHead(num_heads=4, embedding_dim=128),
        loss=ks.losses.NTXent(temperature=0.2),
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(
        1e-3,
        decay_steps=30 * (len(train_images) // options.batch_size),
        decay_rate=0.1,
        staircase=True,
    )
    model.compile(optimizer=keras.optimizers.Adam(schedule))
    knn = ks.evaluation.KNNCallback(train_images, train_labels, test_images, test_labels, every=10)
    batches = ks.datasets.ArrayBatches(train_images, batch_size=options.batch_size)
    history = model.fit(batches, epochs=options.epochs, shuffle=False, callbacks=[knn])

    for epoch, loss in enumerate(history.history["loss"], start=1):
        print(f"epoch {epoch}: loss {loss:.4f}")
    accuracy = history.history["knn_accuracy"][-1]
    print(f"Test accuracy (kNN) on {options.data}: {accuracy:.2%}")
    model.save(options.output)
    return accuracy


if __name__ == "__main__":
    main()
