import numpy as np

from keras_simmim import backend
from keras_simmim.evaluation.embed import BATCH_SIZE, embed
from keras_simmim.evaluation.knn import knn_accuracy


def model_knn(
    model, labelled, batch_size: int = BATCH_SIZE, voters: np.ndarray | None = None, **options
) -> float:
    """KNN accuracy of a model's features, 0...1; NaN where not all have a finite length.

    Of several processes all embed, one compares, and all are told.

    Args:
        model: a method or an encoder.
        labelled: `(train_images, train_labels, test_images, test_labels)`; the former vote.
        batch_size: images that are embedded at a time.
        voters: features of the training images where they are known; None: the model makes them.
        **options: `k` and `temperature` of `knn_accuracy`.
    """
    train_images, train_labels, test_images, test_labels = labelled
    train_x = embed(model, train_images, batch_size) if voters is None else voters
    test_x = embed(model, test_images, batch_size)
    # All processes have the same features.
    if not all(np.isfinite(np.einsum("nf,nf->n", x, x)).all() for x in (train_x, test_x)):
        return float("nan")
    accuracy = 0.0
    if backend.is_chief():
        accuracy = knn_accuracy(train_x, train_labels, test_x, test_labels, **options)
    return float(backend.same_on_all(accuracy))
