from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_simmim._numbers import check_integer
from keras_simmim.encoders import check_encoder, pool
from keras_simmim.encoders.layer_outputs import layer_outputs
from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.evaluation.check_features import check_labels, check_rows
from keras_simmim.evaluation.embed import embed
from keras_simmim.evaluation.linear_probe import import_sklearn, linear_probe
from keras_simmim.evaluation.linear_probe import probe_options as check_options


def probe_layers(
    encoder: keras.layers.Layer,
    train_images: np.ndarray,
    train_y: np.ndarray,
    test_images: np.ndarray,
    test_y: np.ndarray,
    layers: Sequence[str] | None = None,
    batch_size: int = 512,
    **probe_options,
) -> dict[str, float]:
    """Accuracy of a linear probe of the layers of an encoder, pooled over their positions.

    Takes functional and sequential models, encoders with a method `layer_outputs(images)` that
    returns a list of features, one for each block, the last being the encoder's output (such as
    `ViT`; they are named `block_1`, `block_2`, ...), and either of them in `Normalized`. The images
    are encoded once for all layers.

    Args:
        encoder: encoder from images to a map, tokens or a vector; channels_last.
        train_images: NumPy `(N, H, W, C)` as the encoder takes them.
        train_y: integer labels `(N,)`.
        test_images: NumPy `(M, H, W, C)`.
        test_y: integer labels `(M,)`.
        layers: names of the layers to probe, whose outputs are maps `(B, h, w, F)`, tokens
            `(B, T, F)` or vectors `(B, F)`. None: all blocks; in a functional model that is what
            ends a block, where all paths meet before the model branches again or goes on with a
            layer that has a kernel: of a `ResNet` the stem and each block's last activation.
        batch_size: images that are embedded at a time.
        **probe_options: further arguments of `linear_probe`, such as `seed`.

    Returns:
        Dictionary from layer name to accuracy, 0...1, in the order in which images pass the layers.

    Raises:
        ImportError: without scikit-learn.
        ValueError: for an encoder whose layers can't be reached, a layer that it does not have, or
            images and labels that can't be used.
    """
    # What is wrong is said before the images are encoded.
    import_sklearn()
    batch_size = check_integer("batch_size", batch_size)
    options = check_options(**probe_options)
    require_encoder(encoder)
    train_y = check_labels("train_y", train_y, len(train_images), of="images")
    test_y = check_labels("test_y", test_y, len(test_images), of="images")
    check_rows(train_images, test_images, of="images")
    check_encoder(encoder, train_images.shape[1:])  # which builds it
    images = keras.Input(train_images.shape[1:], dtype="float32")
    outputs = layer_outputs(encoder, images)
    chosen = outputs.pick(outputs.blocks if layers is None else layers, "layers")
    pooled = {name: pool(features) for name, features in chosen.items()}
    # One vector of all layers, so that `embed` takes them like any features.
    model = keras.Model(images, ops.concatenate(list(pooled.values()), axis=-1))
    train_x = embed(model, train_images, batch_size)
    test_x = embed(model, test_images, batch_size)
    accuracies, start = {}, 0
    for name, features in pooled.items():
        columns = slice(start, start + features.shape[-1])
        accuracies[name] = linear_probe(
            train_x[:, columns], train_y, test_x[:, columns], test_y, **options
        )
        start = columns.stop
    return accuracies
