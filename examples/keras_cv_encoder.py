"""SimMIM with a backbone of keras-cv, and its augmentation before our views.

    python examples/keras_cv_encoder.py --level P3

Needs `keras-simmim[cv]`. Runs on any backend: keras-cv's augmentation computes with TensorFlow, so
it goes into a tf.data pipeline, which `fit` takes under each. `--level` is the map of the backbone
that becomes the encoder's output: P3 is 2**3 times smaller than the images.
"""

import argparse

import keras_simmim as ks

import keras
import keras_cv
import tensorflow as tf


def pipeline(images, batch_size):
    """Batches of float images, 0...255, with colours that keras-cv has changed."""
    posterize = keras_cv.layers.RandomApply(
        keras_cv.layers.Posterization(bits=4, value_range=(0, 255)), rate=0.2
    )
    sharpen = keras_cv.layers.RandomSharpness(factor=0.5, value_range=(0, 255))

    def augment(batch):
        return sharpen(posterize(tf.cast(batch, "float32"), training=True), training=True)

    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images), seed=0)
    dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.map(augment, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--level", default="P3", help="P2, P3 or P4")
    parser.add_argument("--output", default="keras_cv_encoder.keras")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    train = ks.datasets.load("sample", "train")
    test = ks.datasets.load("sample", "test")
    backbone = keras_cv.models.ResNetV2Backbone(
        stackwise_filters=[64, 128, 256],
        stackwise_blocks=[2, 2, 2],
        stackwise_strides=[1, 2, 2],
        block_type="basic_block",
        include_rescaling=True,  # so that it takes raw pixels
        input_shape=(32, 32, 3),
    )
    model = ks.SimMIM(encoder=ks.encoders.feature_map(backbone, options.level))
    print(f"Level {options.level}: maps of shape {model.features_shape[1:]}")
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    knn = ks.evaluation.KNNCallback(*train, *test)
    history = model.fit(
        pipeline(train[0], options.batch_size), epochs=options.epochs, verbose=2, callbacks=[knn]
    )
    accuracy = history.history["knn_accuracy"][-1]
    print(f"kNN accuracy: {accuracy:.2%}")
    model.save(options.output)
    return accuracy


if __name__ == "__main__":
    main()
