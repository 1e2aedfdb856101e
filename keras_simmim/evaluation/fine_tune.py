from typing import NamedTuple

import keras
import numpy as np

from keras_simmim._numbers import check_integer, check_number, check_seed
from keras_simmim.datasets import ArrayBatches
from keras_simmim.encoders import check_encoder
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.evaluation.check_features import check_labels, check_rows, count_classes
from keras_simmim.evaluation.classifier import Classifier
from keras_simmim.evaluation.embed import embed
from keras_simmim.evaluation.stratified_sample import stratified_sample
from keras_simmim.views import ViewSplitter
from keras_simmim.views.check_images import check_images

_WARMUP = 0.1


class FineTuned(NamedTuple):
    """What fine-tuning gives.

    Attributes:
        accuracy: share of test images whose label is predicted, 0...1.
        classifier: `Classifier` from images to logits, with a fine-tuned copy of the encoder.
    """

    accuracy: float
    classifier: Classifier


def fine_tune(
    encoder: keras.layers.Layer,
    train_images: np.ndarray,
    train_y: np.ndarray,
    test_images: np.ndarray,
    test_y: np.ndarray,
    fraction: float = 1.0,
    epochs: int = 30,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.05,
    seed: int = 0,
    verbose: int | str = 0,
) -> FineTuned:
    """Trains a copy of an encoder as a classifier, on all labels or on a few.

    AdamW, whose learning rate warms up over a tenth of the steps and falls with a cosine to 0; no
    weight decay on biases and the weights of norms. Images are cropped (60 to 100 % of the area)
    and flipped at random. The encoder that is given does not change.

    Args:
        encoder: `keras.Model` or layer from images to a map `(B, h, w, F)`, tokens `(B, T, F)` or
            a vector `(B, F)`, made from its config and so copied.
        train_images: NumPy `(N, H, W, C)`, uint8 or float, 0...255.
        train_y: integer labels `(N,)`, which number the classes from 0 on; some may be missing.
        test_images: NumPy `(M, H, W, C)`.
        test_y: integer labels `(M,)`.
        fraction: share of the training images of each class whose labels are used, at least one of
            each.
        epochs: passes over those images: with fewer images more passes are needed.
        batch_size: images of a step; all that there are if they are fewer.
        learning_rate: greatest learning rate, above 0.
        weight_decay: weight decay of AdamW, at least 0.
        seed: seed of which images are used, their order and the augmentation, an integer,
            0...2**31 - 1.
        verbose: as in `fit`: 0 for silence, 1 for a progress bar, 2 for a line an epoch.

    Returns:
        `FineTuned(accuracy, classifier)`.

    Raises:
        ValueError: for an encoder, images, labels or numbers that can't be used.
    """
    require_encoder(encoder)
    fraction = check_number("fraction", fraction, above=0, most=1)
    epochs = check_integer("epochs", epochs)
    batch_size = check_integer("batch_size", batch_size)
    learning_rate = check_number("learning_rate", learning_rate, above=0)
    weight_decay = check_number("weight_decay", weight_decay, least=0)
    seed = check_seed("seed", seed)
    train_y = check_labels("train_y", train_y, len(train_images), of="images")
    test_y = check_labels("test_y", test_y, len(test_images), of="images")
    check_rows(train_images, test_images, of="images")
    num_classes = count_classes("train_y", train_y)
    for images in (train_images, test_images):
        check_images(images)
    used = stratified_sample(train_y, fraction, seed)
    batches = ArrayBatches(
        train_images[used], train_y[used], batch_size=min(batch_size, len(used)), seed=seed
    )
    image_shape = train_images.shape[1:]
    classifier = Classifier(
        _copy(encoder, image_shape),
        num_classes=num_classes,
        augmentation=ViewSplitter(
            num_views=1, crop_scale=(0.6, 1.0), jitter=0.0, grayscale=0.0, seed=seed
        ),
    )
    classifier.build((None, *image_shape))
    classifier.compile(
        optimizer=_optimizer(classifier, learning_rate, weight_decay, epochs * len(batches)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    classifier.fit(batches, epochs=epochs, shuffle=False, verbose=verbose)
    predicted = embed(classifier, test_images, batch_size).argmax(axis=1)
    return FineTuned(float(np.mean(predicted == test_y)), classifier)


def _copy(encoder, image_shape):
    check_encoder(encoder, image_shape)  # which builds it
    config = keras.saving.serialize_keras_object(encoder)
    copy = keras.saving.deserialize_keras_object(config)
    check_encoder(copy, image_shape)
    copy.set_weights(encoder.get_weights())
    # All of it is trained, also layers that were frozen. On TensorFlow, setting the value that an
    # attribute has already does nothing, and would not reach them.
    copy.trainable = False
    copy.trainable = True
    return copy


def _optimizer(model, learning_rate, weight_decay, steps):
    warmup = max(1, round(_WARMUP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=max(1, steps - warmup),
        warmup_target=learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
    vectors = [v for v in model.trainable_variables if len(v.shape) < 2]
    # A table of relative positions is a bias too, though it has two axes.
    optimizer.exclude_from_weight_decay(var_list=vectors, var_names=["bias", "table"])
    return optimizer
